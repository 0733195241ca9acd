import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Plugin, type RolldownOutput, rolldown } from "rolldown";
import { z } from "zod";
import { asLatin1 } from "./latin1.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Left as a dependency for its types, which the library's own are made of. */
const inside = new Set(["zod"]);

const manifest = z
  .object({
    dependencies: z.record(z.string(), z.string()),
    peerDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")));
const outside = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)].filter(
  (name) => !inside.has(name),
);

/**
 * A Node without `node:sqlite` cannot link a file that imports it, and would say so instead of which Node is needed.
 * Asked for as the files run, it is asked for after the check of the version.
 */
const sqliteAsked: Plugin = {
  name: "node:sqlite, asked for as the files run",
  resolveId: (id) => (id === "node:sqlite" ? "\0node:sqlite" : null),
  load: (id) =>
    id === "\0node:sqlite"
      ? 'export const { DatabaseSync, constants } = process.getBuiltinModule("node:sqlite");'
      : null,
};

/** Done last: rolldown prints the texts of a chunk anew after `renderChunk`. */
const latin1: Plugin = {
  name: "files in Latin-1",
  generateBundle(_, output) {
    for (const file of Object.values(output)) if (file.type === "chunk") file.code = asLatin1(file.code);
  },
};

/**
 * What so many parts of the package share is in one file. Each file that a run loads takes it about 0.2 ms; a lower
 * number makes runs 5 ms quicker, and the library that is imported alone 9 MB larger.
 */
const minShareCount = 16;

/**
 * Writes entries of the package into a folder, in files that they share, with the packages inside that every run
 * would load one by one.
 *
 * A package under `dependencies` or `peerDependencies` is left outside and comes from where Tidemark is
 * installed; one under `devDependencies` goes in. See docs/decisions/0024.
 */
export async function writeBundle(
  dir: string,
  input: Readonly<Record<string, string>>,
): Promise<RolldownOutput["output"]> {
  const bundle = await rolldown({
    cwd: root,
    platform: "node",
    plugins: [sqliteAsked, latin1],
    input: { ...input },
    external: outside.map((name) => new RegExp(`^${name}($|/)`)),
    // Older versions of Node can read the files, so that `src/node-version.ts` can say which one is needed.
    transform: { target: "node20" },
  });
  // Every run reads the files whole; what is said of the public names is in the declarations.
  const comments = { legal: true, annotation: true, jsdoc: false };
  const { output } = await bundle.write({
    dir,
    chunkFileNames: "parts/[name]-[hash].js",
    comments,
    codeSplitting: { groups: [{ name: "shared", minShareCount }] },
  });
  await bundle.close();
  return output;
}
