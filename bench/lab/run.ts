import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type NumberedResult, runLab } from "./lab.ts";
import { faultCounts, outcomeCounts, outputRows, tables } from "./report.ts";
import { describeWorld } from "./world.ts";

/**
 * The crash lab: real processes of the command, disturbed in every way that a seed draws, and counted
 * at their source and their sink. Exits with 1 where anything was lost or repeated, and with 2
 * where nothing was and the lab could not look at a sink.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    schedules: { type: "string" },
    minutes: { type: "string" },
    only: { type: "string" },
    runs: { type: "string", default: "8" },
    lanes: { type: "string", default: "2" },
    keep: { type: "boolean", default: false },
  },
});

const seed = values.seed === undefined ? Date.now() % 1_000_000 : wholeNumber("seed", values.seed);
const disturbedRuns = wholeNumber("runs", values.runs);
const minutes = values.minutes === undefined ? null : wholeNumber("minutes", values.minutes);
const count =
  values.schedules === undefined
    ? minutes === null
      ? 20
      : Number.POSITIVE_INFINITY
    : wholeNumber("schedules", values.schedules);
const only = values.only === undefined ? null : wholeNumber("only", values.only);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(130);
    console.log("ends with the schedules at hand; once more to end at once");
    stop.abort();
  });
}
console.log(`seed ${seed}`);
const startedAt = performance.now();
const results = await runLab({
  seed,
  schedules: only === null ? numbersTo(count) : [only],
  ...(minutes === null ? {} : { untilMs: performance.now() + minutes * 60_000 }),
  needs: () => ({ disturbedRuns }),
  concurrency: wholeNumber("lanes", values.lanes),
  keep: values.keep,
  signal: stop.signal,
  onResult: report,
});
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(`\n${tables(results)}\n\nseed ${seed}, ${results.length} schedules in ${seconds} s`);
write();
const wrong = results.filter(({ problems }) => problems.length > 0);
const unjudged = results.filter(({ judged, problems }) => !judged && problems.length === 0);
for (const { schedule } of [...wrong, ...unjudged]) {
  console.log(`to repeat: npm run lab -- --seed ${seed} --runs ${disturbedRuns} --only ${schedule}`);
}
process.exitCode = wrong.length > 0 ? 1 : unjudged.length > 0 ? 2 : 0;

function report(result: NumberedResult): void {
  const { schedule, world, delivered, lost, repeated, problems, unseen, judged, folder } = result;
  const verdict = problems.length > 0 ? "WRONG" : judged ? "ok   " : "BLIND";
  const counted = judged
    ? `${delivered} at the sink, ${lost} lost, ${repeated} repeated`
    : "the sink could not be compared with the source";
  console.log(`${verdict} schedule ${schedule}: ${counted} (${describeWorld(world)})`);
  for (const line of [...problems, ...unseen]) console.log(`      ${line.replaceAll("\n", "\n      ")}`);
  if (folder !== null) console.log(`      see ${folder}`);
}

function write(): void {
  const folder = new URL("../results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const at = new Date().toISOString();
  const machine = { node: process.version, platform: `${process.platform} ${process.arch}` };
  const summary = { at, commit: commit(), machine, seed, disturbedRuns, seconds };
  const counted = {
    outputs: outputRows(results),
    faults: faultCounts(results),
    outcomes: outcomeCounts(results),
    schedules: results,
  };
  writeFileSync(
    new URL(`lab-${at.replaceAll(":", "-")}.json`, folder),
    JSON.stringify({ ...summary, ...counted }, null, 2),
  );
}

function commit(): string | null {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { stdio: "pipe" }).toString().trim();
  } catch {
    return null;
  }
}

function* numbersTo(count: number): Generator<number> {
  for (let number = 1; number <= count; number++) yield number;
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name} is ${text}; give a whole number`);
}
