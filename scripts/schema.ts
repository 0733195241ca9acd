import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pipelineJsonSchemaText } from "../src/pipeline/json-schema.ts";

/**
 * Writes schema/pipeline.schema.json from the schema that validates pipelines; with `--check`, only
 * tells whether the file is what would be written.
 */
const path = fileURLToPath(new URL("../schema/pipeline.schema.json", import.meta.url));
const text = pipelineJsonSchemaText();

if (!process.argv.includes("--check")) {
  writeFileSync(path, text);
  console.log("Wrote schema/pipeline.schema.json.");
} else if (current() !== text) {
  console.error("schema/pipeline.schema.json is out of date. Run: npm run schema");
  process.exitCode = 1;
} else {
  console.log("schema/pipeline.schema.json is up to date.");
}

function current(): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
