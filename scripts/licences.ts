import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RolldownOutput } from "rolldown";
import { z } from "zod";

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  homepage: z.string().optional(),
});

/**
 * Writes `licences.txt` beside the built files: the licence of every package whose code is in them, which
 * those licences ask for. Throws where a package does not say its own.
 */
export function writeLicences(folder: string, output: RolldownOutput["output"]): void {
  const packages = new Set<string>();
  for (const file of output) {
    if (file.type !== "chunk") continue;
    for (const module of file.moduleIds) {
      const packageFolder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module.replaceAll("\\", "/"))?.[0];
      if (packageFolder !== undefined) packages.add(packageFolder);
    }
  }
  const entries = [...packages].sort().map(licenceOf);
  writeFileSync(
    join(folder, "licences.txt"),
    `The files of this folder hold code of these packages.\n\n${entries.join("\n\n")}\n`,
  );
}

function licenceOf(folder: string): string {
  const { name, version, license, homepage } = manifestSchema.parse(
    JSON.parse(readFileSync(join(folder, "package.json"), "utf8")),
  );
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file === undefined && homepage === undefined)
    throw new Error(`${name} does not say where its licence is`);
  const text =
    file === undefined ? `Its licence is at ${homepage}.` : readFileSync(join(folder, file), "utf8");
  return `── ${name} ${version}, ${license}\n\n${text.trim()}`;
}
