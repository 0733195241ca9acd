import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * All that can be said of the code without running it: types, format, lint, unused code, and the
 * generated files. Runs every step, so that one call shows everything there is to fix.
 */
const root = fileURLToPath(new URL("..", import.meta.url));

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["packages (`npm install` brings what is missing)", "npm", "ls", "--depth=0", "--loglevel=error"],
  ["types", "node_modules/.bin/tsc", "-p", "tsconfig.json"],
  ["format and lint", "node_modules/.bin/biome", "ci", "--error-on-warnings", "."],
  ["layers", process.execPath, "node_modules/vitest/vitest.mjs", "run", "test/layers.test.ts"],
  ["unused code", "node_modules/.bin/knip", "--no-progress"],
  ["regular expressions", process.execPath, "scripts/regexps.ts"],
  ["pipeline schema", process.execPath, "scripts/schema.ts", "--check"],
  ["error documentation", process.execPath, "scripts/error-docs.ts", "--check"],
];

const failed: string[] = [];
for (const [name, command, ...args] of steps) {
  console.log(`\n── ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? "\nAll checks passed." : `\nFailed: ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
