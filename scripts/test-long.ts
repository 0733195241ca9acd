import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * The long form of the tests that have one (`test/support/long-run.ts`): `npm run test:long -- --histories 10000 --seed 7`.
 * It prints its seed; the same seed and number play the same histories again.
 */
const { values, positionals } = parseArgs({
  options: { histories: { type: "string", default: "10000" }, seed: { type: "string" } },
  allowPositionals: true,
});

const root = fileURLToPath(new URL("..", import.meta.url));
const files = globSync("{src,test,testing}/**/*.test.ts", { cwd: root })
  .filter((file) => readFileSync(`${root}/${file}`, "utf8").includes('/long-run.ts"'))
  .sort();
const seed = values.seed ?? String(Date.now() % 1_000_000);
console.log(`seed ${seed}, ${values.histories} histories`);
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", ...(positionals.length > 0 ? positionals : files)],
  {
    cwd: root,
    env: { ...process.env, TIDEMARK_LONG: "1", TIDEMARK_HISTORIES: values.histories, TIDEMARK_SEED: seed },
    stdio: "inherit",
  },
);
console.log(`seed ${seed}`);
process.exitCode = status ?? 1;
