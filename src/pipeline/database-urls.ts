import { databaseOf } from "../databases/registry.ts";
import { isTidemarkError } from "../errors.ts";
import { type Finding, settingError } from "../findings.ts";
import type { PipelineConfig } from "./schema.ts";

const keys = ["connectionString", "connectionStringRef"] as const;

/** Errors in the parameters of a pipeline's database URLs, such as a TLS mode that does not exist. Does not connect. */
export async function databaseUrlFindings({ input, output }: PipelineConfig): Promise<Finding[]> {
  const found = [
    ...(input.type === "database" ? await findingsOf("input", input) : []),
    ...(output.type === "database" ? await findingsOf("output", output) : []),
  ];
  return found;
}

async function findingsOf(
  part: "input" | "output",
  config: { readonly [K in (typeof keys)[number]]?: string | undefined },
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const key of keys) {
    const url = config[key];
    if (url === undefined) continue;
    try {
      await databaseOf(url)?.checkUrl(url);
    } catch (error) {
      if (!isTidemarkError(error, "ARGUMENT_INVALID")) throw error;
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      found.push(settingError("VALUE_INVALID", [part, key], `\`${part}.${key}\`: ${error.message}`, hint));
    }
  }
  return found;
}
