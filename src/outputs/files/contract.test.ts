import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { z } from "zod";
import { outputContract } from "../../../testing/output-suite.ts";
import { createFileOutput } from "./file.ts";

const lineSchema = z.object({ id: z.int() });

/** JSON has no form for it. */
const holdsItself: Record<string, unknown> = {};
holdsItself.self = holdsItself;

const formats = {
  jsonl: (line: string) => lineSchema.parse(JSON.parse(line)).id,
  csv: (line: string) => Number(line.split(",")[0]),
};

describe.each(["jsonl", "csv"] as const)("%s", (format) => {
  const cases = outputContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-output-"));
    const path = join(folder, `out.${format}`);
    return {
      output: createFileOutput({ type: "file", path, format, mode: "append", onError: "fail" }),
      async ids() {
        if (!existsSync(path)) return [];
        const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
        return lines.filter((line) => !line.startsWith("id,")).map(formats[format]);
      },
      oneStream: true,
      refused: (id) => ({ id, value: format === "csv" ? "half \ud800" : holdsItself }),
      dispose: async () => rmSync(folder, { recursive: true, force: true }),
    };
  });

  for (const { name, run } of cases) test(name, run);
});
