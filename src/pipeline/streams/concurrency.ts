import { z } from "zod";
import { concurrencySchema } from "../schema.ts";

/** How many streams run at once unless the pipeline says so. */
export const defaultConcurrency = 4;

/** The key of a document with streams that is about all of them. */
export const concurrencyKey = z.looseObject({ concurrency: concurrencySchema.default(defaultConcurrency) });
