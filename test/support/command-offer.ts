import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { offerServers } from "./server-process.ts";

/** Where the command that is built for all tests is asked for; set by the global setup, inherited by its workers. */
export const commandVariable = "TIDEMARK_TEST_COMMAND";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Offers the command as it is published, built when the first worker asks. Returns what removes it. */
export function offerCommand(): Promise<() => Promise<void>> {
  return offerServers(commandVariable, async () => {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-command-"));
    // It finds its version, its schema and the packages left outside as from where it is installed.
    for (const name of ["package.json", "schema", "node_modules"]) {
      await symlink(join(root, name), join(folder, name));
    }
    const { writeBundle } = await import("../../scripts/bundle.ts");
    await writeBundle(join(folder, "dist"), {
      "cli/main": "src/cli/main.ts",
      "cli/program": "src/cli/program.ts",
    });
    return {
      url: join(folder, "dist/cli/main.js"),
      stop: () => rm(folder, { recursive: true, force: true }),
    };
  });
}
