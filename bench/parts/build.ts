import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const entry = new URL("../../dist/index.js", import.meta.url);

/** The library as it is published, which `npm run bench` builds first. */
export async function build(): Promise<typeof import("../../src/index.ts")> {
  if (!existsSync(fileURLToPath(entry))) throw new Error("nothing is built; run: npm run build");
  return import(entry.href);
}
