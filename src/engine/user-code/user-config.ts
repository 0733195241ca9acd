import type { z } from "zod";
import { TidemarkError } from "../../errors.ts";

/**
 * What a schema makes of a configuration that was given in code; `whose` is for the message. Throws `ARGUMENT_INVALID`
 * with every mistake.
 */
export function readUserConfig<T>(schema: z.ZodType<T>, config: unknown, whose: string): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `\`${path.join(".")}\`: ${message}`,
  );
  throw new TidemarkError("ARGUMENT_INVALID", `${whose} cannot be used: ${problems.join("; ")}`);
}
