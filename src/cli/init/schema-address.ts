import { existsSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const inPackage = join("node_modules", "tidemark", "schema", "pipeline.schema.json");

/**
 * Where an editor that opens the file finds the schema, from the file on: in the nearest installed package, else in the
 * package that is running.
 */
export function schemaAddress(file: string): string {
  const folder = dirname(resolve(file));
  const schema =
    installedAbove(folder) ?? fileURLToPath(import.meta.resolve("tidemark/schema/pipeline.schema.json"));
  const path = relative(folder, schema).split(sep).join("/");
  return path.startsWith(".") ? path : `./${path}`;
}

function installedAbove(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const schema = join(at, inPackage);
    if (existsSync(schema)) return schema;
    if (dirname(at) === at) return null;
  }
}
