import { z } from "zod";
import { checkTimeZone } from "../model/time-zone.ts";
import { readableBy } from "./readable-by.ts";

/** An IANA time zone. */
export const timezoneSchema = z.string().superRefine(readableBy(checkTimeZone));
