import type { z } from "zod";
import { messageOf } from "../errors.ts";

/** A check that accepts what `parse` accepts, and otherwise reports the error it threw. */
export function readableBy(
  parse: (text: string) => unknown,
): (value: string | number, context: z.RefinementCtx) => void {
  return (value, context) => {
    try {
      parse(String(value));
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error) });
    }
  };
}
