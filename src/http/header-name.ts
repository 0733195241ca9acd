import { z } from "zod";

/** The name of a header, as HTTP allows it. */
export const headerNameSchema = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "not the name of a header");
