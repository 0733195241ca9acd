import fs, { cpSync, mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { emptyPosition, type Position } from "../src/model/position.ts";
import type { Run, StateStore } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { FakeClock } from "../testing/fake-clock.ts";

const key = { connector: "acme", stream: "orders" };
const names = ["a", "b", "c", "d"];

class Crash extends Error {}

/** What a write to state in files asks of the file system; each is where a process can end. */
const calls = [
  "mkdirSync",
  "openSync",
  "ftruncateSync",
  "writeSync",
  "writeFileSync",
  "fsyncSync",
  "renameSync",
  "rmSync",
] as const;

/**
 * Runs work on a file system that fails for good at the n-th call: instead of it, or where something
 * is written, with half of it done. Returns whether it came so far.
 */
async function dyingAt(n: number, work: () => Promise<unknown>): Promise<boolean> {
  const intact = { ...fs };
  let made = 0;
  const dies = (half: () => void): void => {
    made += 1;
    if (made < n) return;
    if (made === n) half();
    throw new Crash(`at call ${n}`);
  };
  const table: Record<string, unknown> = fs;
  for (const call of calls) {
    table[call] = (...given: unknown[]) => {
      dies(() => {
        const [file, text] = given;
        if (call === "writeFileSync" && typeof text === "string") {
          Reflect.apply(intact.writeFileSync, intact, [file, text.slice(0, text.length / 2)]);
        }
        if (call === "writeSync" && text instanceof Uint8Array) {
          Reflect.apply(intact.writeSync, intact, [file, text.subarray(0, text.length / 2)]);
        }
      });
      return Reflect.apply(intact[call], intact, given);
    };
  }
  syncBuiltinESMExports();
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Crash) return true;
    throw error;
  } finally {
    for (const call of calls) table[call] = intact[call];
    syncBuiltinESMExports();
  }
}

function at(n: number, rest: Partial<Position> = {}): Position {
  return { ...emptyPosition, watermark: String(n), coverage: [{ lower: null, upper: String(n) }], ...rest };
}

async function everything(store: StateStore): Promise<unknown> {
  return {
    state: await store.get(key),
    partitions: (await store.partitions(key)).items,
    backfills: await store.backfills(key),
    ofBackfill: await Promise.all(names.map((name) => store.partition(key, name, { backfill: "b1" }))),
    coverage: await store.coverage(key),
    ofPartitions: await Promise.all(names.map((partition) => store.coverage(key, { partition }))),
    runs: (await store.runs(key)).items,
    audit: (await store.audit({ key })).items,
    verified: await store.verifyAudit(),
    exported: await store.export(key),
  };
}

interface Runs {
  readonly live: Run;
  readonly backfill: Run;
}

/** Writes that touch several files, each made on a stream whose last write did so too. */
const writes: Readonly<Record<string, (store: StateStore, runs: Runs) => Promise<unknown>>> = {
  "a checkpoint that moves partitions": (store, { live }) =>
    store.checkpoint(live, {
      sequence: 3,
      position: at(9),
      recordsProcessed: 9,
      partitions: [
        { partition: "b", position: at(9) },
        { partition: "d", position: at(9) },
      ],
    }),
  "a completion that moves partitions": (store, { live }) =>
    store.complete(live, { newCursor: "9", partitions: [{ partition: "c", position: at(9) }] }),
  "a backfill's completion": (store, { backfill }) =>
    store.complete(backfill, {
      position: at(20, { coverage: [{ lower: "10", upper: "20" }] }),
      partitions: [{ partition: "a", position: at(20, { coverage: [{ lower: "10", upper: "20" }] }) }],
    }),
  "a reset of one partition": (store) =>
    store.reset(key, { to: "1", partition: "a", reason: "test", actor: "test" }),
  "starting over": (store) => store.reset(key, { to: null, reason: "test", actor: "test" }),
  "deleting runs": (store) => store.prune({ keepRuns: 1 }),
};

for (const [what, write] of Object.entries(writes)) {
  test(`P1: a process that ends in the middle of ${what} leaves all of it or nothing, in files`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-crash-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const template = join(folder, "template");
    const clock = new FakeClock();
    const runs = await prepared(template, clock);
    const open = () => openFileState(join(folder, "state"), { clock });
    const copy = (): void => {
      rmSync(join(folder, "state"), { recursive: true, force: true });
      cpSync(template, join(folder, "state"), { recursive: true });
    };

    copy();
    const before = await everything(await open());
    await write(await open(), runs);
    const after = await everything(await open());
    expect(after).not.toEqual(before);

    let whole = 0;
    for (let n = 1; ; n++) {
      copy();
      const died = await dyingAt(n, async () => write(await open(), runs));
      const left = await everything(await open());
      if (!died) {
        expect(left).toEqual(after);
        expect(n).toBeGreaterThan(4);
        break;
      }
      const isDone = JSON.stringify(left) === JSON.stringify(after);
      expect(left, `after call ${n}`).toEqual(isDone ? after : before);
      if (isDone) {
        whole += 1;
        continue;
      }
      // Whoever comes next makes it good, whatever was left lying about.
      await write(await open(), runs);
      expect(await everything(await open()), `repeated after call ${n}`).toEqual(after);
    }
    // Once the stream's own file is in its place, all of it is there.
    expect(whole).toBeGreaterThan(0);
  });
}

/** Two runs under way, live and backfill, and partitions half of which are still in the stream's file. */
async function prepared(folder: string, clock: FakeClock): Promise<Runs> {
  await using store = await openFileState(folder, { clock });
  for (let n = 0; n < 3; n++) {
    const earlier = await store.begin(key, { cursorType: "numeric_id", runId: `earlier-${n}` });
    await store.complete(earlier, { partitions: [{ partition: "c", position: at(n) }] });
  }
  const backfill = await store.begin(key, { cursorType: "numeric_id", kind: "backfill", backfill: "b1" });
  const ofBackfill = (name: string) => ({
    partition: name,
    position: at(10, { coverage: [{ lower: "10", upper: "15" }] }),
  });
  await store.checkpoint(backfill, {
    sequence: 1,
    position: at(10, { coverage: [{ lower: "10", upper: "15" }] }),
    recordsProcessed: 1,
    partitions: [ofBackfill("a"), ofBackfill("b")],
  });
  const live = await store.begin(key, { cursorType: "numeric_id", runId: "live" });
  for (const [sequence, some] of [
    [1, ["a", "b"]],
    [2, ["a", "c"]],
  ] as const) {
    await store.checkpoint(live, {
      sequence,
      position: at(sequence),
      recordsProcessed: sequence,
      partitions: some.map((partition) => ({ partition, position: at(sequence + 1) })),
    });
  }
  return { live, backfill };
}
