import { httpRequestKeys } from "./keys.ts";
import { validateHttpRequest } from "./validate.ts";

export type { HttpRequestConfig } from "./keys.ts";

/** The keys of an `httpRequest` output. */
export const httpRequestOutputSchema = httpRequestKeys
  .superRefine(validateHttpRequest)
  .describe("Sends records to an HTTP endpoint, each at least once.");
