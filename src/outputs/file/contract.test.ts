import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { z } from "zod";
import { outputContract } from "../../testing/output-suite.ts";
import { createFileOutput } from "./file.ts";

const lineSchema = z.object({ id: z.int() });

const cases = outputContract(async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-output-"));
  const path = join(folder, "out.jsonl");
  return {
    output: createFileOutput({ type: "file", path, format: "jsonl", mode: "append" }),
    async ids() {
      if (!existsSync(path)) return [];
      const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
      return lines.map((line) => lineSchema.parse(JSON.parse(line)).id);
    },
    oneStream: true,
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

for (const { name, run } of cases) test(name, run);
