import { httpRequestKeys } from "./keys.ts";
import { refuseIncoherent } from "./mistakes.ts";

export type { HttpRequestConfig } from "./keys.ts";

/** The keys of an `httpRequest` output. */
export const httpRequestOutputSchema = httpRequestKeys
  .superRefine(refuseIncoherent)
  .describe("Sends records to an HTTP endpoint, each at least once.");
