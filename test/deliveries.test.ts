import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { type History, play } from "./support/deliveries/history.ts";
import { Target } from "./support/deliveries/target.ts";
import { type World, worlds } from "./support/deliveries/world.ts";
import { historiesOr } from "./support/long-run.ts";

const histories = historiesOr(60);
const seed = process.env.TIDEMARK_SEED === undefined ? {} : { seed: Number(process.env.TIDEMARK_SEED) };

test("P1, P5: whatever a target does, each record is delivered, let go of by onError, or the run failed; and what it took stays taken", async () => {
  await using target = await Target.start();
  const folder = mkdtempSync(join(tmpdir(), "tidemark-deliveries-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const history = await play(world, target, join(folder, "letters.jsonl"));
      expectNothingLost(world, history);
      expectNoRepeats(world, history);
    }),
    { ...seed, numRuns: histories },
  );
}, 3_600_000);

function expectNothingLost({ reading, rounds }: World, { runs }: History): void {
  // A page token may stand for the records as they were when the window began.
  const isFrozen = reading === "tokens" && rounds.some(({ changes }) => changes.length > 0);
  for (const run of isFrozen ? [] : runs) {
    if (run.status === "completed") expect(run, "a silent loss").toEqual({ ...run, missing: [] });
  }
  expect(runs.at(-1)).toMatchObject({ status: "completed", missing: [] });
}

/** What the target took, and said so, is not sent again: each run goes on behind the one before. */
function expectNoRepeats(world: World, { runs, takes }: History): void {
  const { batch, concurrency, filters } = world;
  for (const [at, { struck, recordsWritten, takes: own }] of runs.entries()) {
    const later = new Set(takes.filter(({ run }) => run > at + 1).map(({ name }) => name));
    const told = own.filter((take) => take.told).map(({ name }) => name);
    const again = told.filter((name) => later.has(name));
    // A record counts as delivered when all that filters make of it is.
    const alone = again.filter((name) => !filters || told.includes(siblingOf(name)));
    if (struck) expect(again.length).toBeLessThanOrEqual((batch ?? 1) * concurrency * (filters ? 2 : 1));
    else {
      expect(alone, "a repeat").toEqual([]);
      expect(recordsWritten).toBe(told.length);
    }
    expect(told, "a repeat within a run").toEqual([...new Set(told)]);
  }
}

function siblingOf(name: string): string {
  const [id, v, copy] = name.split(":");
  return `${id}:${v}:${copy === "1" ? 2 : 1}`;
}
