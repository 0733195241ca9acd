import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Row } from "./parts/measure.ts";
import { race } from "./race/race.ts";
import { serviceRows } from "./service.ts";
import { startUp } from "./start-up.ts";
import { stateRows } from "./state.ts";
import { checkpointCost, memory, throughput } from "./throughput.ts";
import { verification } from "./verify.ts";

/**
 * Measures the budgets as ratios of two things taken in one run, prints them as a table and writes
 * them as JSON to `bench/results/`; with `race` as its first word, the race against other tools. Never
 * a test: a busy machine makes a number worse, not wrong.
 */
const [first, ...others] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
execFileSync(process.execPath, [join(root, "scripts/build.ts")], { stdio: "inherit" });

if (first === "race") {
  const { tables, rows, results } = await race(others);
  console.log(`${tables}\n`);
  report("race-", rows, { results });
} else {
  report("", await budgets(process.argv.slice(2)), {});
}

async function budgets(args: string[]): Promise<Row[]> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
    },
  });
  const scale = values.quick ? 0.1 : 1;
  const times = values.quick ? 3 : 5;
  const thousand = (count: number): number => Math.max(1, Math.round(count * scale)) * 1000;

  const parts: Readonly<Record<string, () => Promise<Row | Row[]>>> = {
    throughput: () => throughput(thousand(1000), times),
    checkpoint: () => checkpointCost(thousand(1000), times),
    state: () => stateRows(times, 1000, thousand(1000)),
    service: () => serviceRows(times, thousand(4)),
    memory: () => memory(thousand(2000), thousand(100)),
    verify: () => verification(thousand(1000), times),
    "start-up": () => startUp(times * 2),
  };

  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (values.only !== undefined && values.only !== name) continue;
    console.error(`measuring ${name} …`);
    rows.push(...[await measure()].flat());
  }
  return rows;
}

/** Prints what was measured against what it may be, and keeps it with all its details. */
function report(prefix: string, rows: readonly Row[], more: object): void {
  console.log("| what | budget | measured | |\n|---|---|---|---|");
  for (const { what, budget, measured, ok } of rows) {
    const verdict = budget === "–" ? "" : ok ? "met" : "missed";
    console.log(`| ${what} | ${budget} | ${measured} | ${verdict} |`);
  }
  const folder = new URL("./results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const at = new Date().toISOString();
  const machine = { node: process.version, platform: `${process.platform} ${process.arch}` };
  writeFileSync(
    new URL(`${prefix}${at.replaceAll(":", "-")}.json`, folder),
    JSON.stringify({ at, machine, rows, ...more }, null, 2),
  );
}
