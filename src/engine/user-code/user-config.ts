import type { z } from "zod";
import { TidemarkError } from "../../errors.ts";

/**
 * Parses a configuration given in code with a schema; `whose` is for the message. Throws `ARGUMENT_INVALID` that lists
 * every error.
 */
export function readUserConfig<T>(schema: z.ZodType<T>, config: unknown, whose: string): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `\`${path.join(".")}\`: ${message}`,
  );
  throw new TidemarkError("ARGUMENT_INVALID", `${whose} cannot be used: ${problems.join("; ")}`);
}
