import { z } from "zod";

/** `application/problem+json` (RFC 9457): the format of every refusal and failure. */
export const problem = z
  .object({
    type: z.string().meta({
      description: "Where the code is explained, relative to the request's own address.",
      example: "../../../../docs#CURSOR_REGRESSION",
    }),
    title: z.string().meta({
      description: "What the code means.",
      example: "The new cursor is below the committed watermark.",
    }),
    status: z.int().meta({ example: 422 }),
    code: z
      .string()
      .meta({ description: "Stable; for programs to decide by.", example: "CURSOR_REGRESSION" }),
    detail: z.string().meta({ description: "What happened, and to what." }),
    hint: z.string().meta({ description: "What to do next." }),
    recoverable: z.boolean().meta({ description: "Whether the same request may succeed later." }),
    stream: z
      .string()
      .optional()
      .meta({ description: "Which stream it is about.", example: "sap_eu/suppliers" }),
    details: z.record(z.string(), z.unknown()).optional().meta({ description: "Facts for programs." }),
    request_id: z
      .string()
      .optional()
      .meta({ description: "As in the header `x-request-id` and in the logs." }),
  })
  .meta({ id: "Problem", description: "What went wrong and what to do about it." });
export type WireProblem = z.infer<typeof problem>;
