import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * The long form of the tests that play random histories: `npm run test:long -- --histories 10000 --seed 7`.
 * It prints its seed; the same seed and number play the same histories again.
 */
const { values, positionals } = parseArgs({
  options: { histories: { type: "string", default: "10000" }, seed: { type: "string" } },
  allowPositionals: true,
});

const files = [
  "test/lying-source.test.ts",
  "test/deliveries.test.ts",
  "test/seek.test.ts",
  "src/engine/run/histories.test.ts",
];
const seed = values.seed ?? String(Date.now() % 1_000_000);
console.log(`seed ${seed}, ${values.histories} histories`);
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", ...(positionals.length > 0 ? positionals : files)],
  {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, TIDEMARK_HISTORIES: values.histories, TIDEMARK_SEED: seed },
    stdio: "inherit",
  },
);
console.log(`seed ${seed}`);
process.exitCode = status ?? 1;
