import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Place, places } from "../../../test/support/database-output.ts";
import { systemClock } from "../../clock.ts";
import { openSql } from "../../databases/open.ts";
import { emptyPosition, encodePosition } from "../../model/position.ts";
import { partitionScope } from "../../model/scope.ts";
import { createOffsetsFile } from "../files/create-offsets.ts";
import { OffsetsFile } from "../files/offsets-file.ts";
import { FileOffsetsStorage } from "../files/offsets-storage.ts";
import type { OffsetsStorage } from "./port.ts";
import { SinkOffsets } from "./sink-offsets.ts";
import { SqlOffsetsStorage, type Written } from "./sql-storage.ts";

const key = { connector: "acme", stream: "events" };
const noFacts: Written = { records: 0, fields: [] };

/** Two sessions' views of one stored place, and how each makes a transaction. */
interface Stored {
  open(): Promise<{
    readonly storage: OffsetsStorage<Written>;
    transaction<T>(work: () => Promise<T>): Promise<T>;
  }>;
}

async function inDatabase({ url }: Place): Promise<Stored> {
  let exists = false;
  return {
    async open() {
      const connection = await openSql(url, { role: "output" });
      onTestFinished(() => connection.close());
      const parts = { connection, table: "events", prefix: "_tidemark_", key, now: () => 0 };
      const storage = new SqlOffsetsStorage(parts);
      if (!exists) await storage.create();
      exists = true;
      return {
        storage,
        async transaction(work) {
          await connection.execute("BEGIN");
          try {
            const result = await work();
            await connection.execute("COMMIT");
            return result;
          } catch (error) {
            await connection.execute("ROLLBACK");
            throw error;
          }
        },
      };
    },
  };
}

function besideFile(): Stored {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-offsets-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "out.jsonl.tidemark", "ledger.db");
  createOffsetsFile(path, key);
  return {
    async open() {
      const file = await OffsetsFile.open(path, systemClock);
      if (file === null) throw new Error(`${path} is not there`);
      onTestFinished(() => file.close());
      return { storage: new FileOffsetsStorage(file), transaction: (work) => file.locked(work) };
    },
  };
}

const kinds: readonly (readonly [string, () => Promise<Stored>])[] = [
  ["a file", async () => besideFile()],
  ...places.map(([name, place]) => [name, async () => inDatabase(await place())] as const),
];

describe.each(kinds)("offsets in %s", (_, fresh) => {
  const row = (epoch: number, sequence: number, watermark: string) => {
    const position = encodePosition({ ...emptyPosition, watermark });
    return { epoch, sequence, cursorType: "numeric_id" as const, position };
  };

  test("P4: a fence rises only, for each scope, and only its epoch commits", async () => {
    const { storage, transaction } = await (await fresh()).open();
    expect(await storage.read("")).toBeNull();
    expect(await transaction(() => storage.raiseFence("", 3))).toBe(true);
    expect(await transaction(() => storage.raiseFence("", 3))).toBe(false);
    expect(await transaction(() => storage.raiseFence("", 2))).toBe(false);
    expect(await transaction(() => storage.raiseFence("backfill/1", 1))).toBe(true);
    expect(await storage.read("")).toEqual({ fence: 3, committed: null });
    expect(await transaction(() => storage.commit("", row(2, 1, "5"), noFacts))).toBe(false);
    expect(await transaction(() => storage.commit("", row(4, 1, "5"), noFacts))).toBe(false);
    expect(await transaction(() => storage.commit("", row(3, 1, "5"), noFacts))).toBe(true);
    expect(await storage.read("")).toMatchObject({ fence: 3, committed: { epoch: 3, sequence: 1 } });
    expect(await storage.read("backfill/1")).toEqual({ fence: 1, committed: null });
  });

  test("a partition's offsets are stored under its scope, however long its name is", async () => {
    const { storage, transaction } = await (await fresh()).open();
    const names = ["eu", `${"x".repeat(300)}1`, `${"x".repeat(300)}2`].map((name) =>
      partitionScope("", name),
    );
    for (const [at, name] of names.entries())
      await transaction(() => storage.commitPartition(name, row(1, at, String(at))));
    await transaction(() => storage.commitPartition(names[0] ?? "", row(2, 7, "8")));
    const found = [];
    for (const name of names) found.push((await storage.read(name))?.committed?.sequence);
    expect(found).toEqual([7, 1, 2]);
  });

  test("P2: identities are found by their scope, in memory and past it, until the window is finished", async () => {
    const stored = await fresh();
    const { storage, transaction } = await stored.open();
    const offsets = new SinkOffsets({ storage, key, scope: "", place: "here" });
    await transaction(() => offsets.fence(1));
    expect(await offsets.start(1)).toBeNull();
    const many = Array.from({ length: 10_500 }, (_, at) => `id ${at}`);
    await offsets.deliver(many);
    await offsets.deliver(["a", "b".repeat(300), "c"]);
    const asked = ["id 0", "id 10499", "a", "b".repeat(300), "d"];
    expect(await offsets.delivered(asked)).toEqual(new Set(asked.slice(0, 4)));
    const commit = { ...row(1, 1, "5"), position: emptyPosition, windowFinished: false };
    await transaction(async () => {
      await offsets.advance(commit, noFacts);
      await offsets.settle(commit);
    });
    offsets.committed(commit);
    expect(await offsets.delivered(asked)).toEqual(new Set(asked.slice(0, 4)));

    const next = await stored.open();
    const successor = new SinkOffsets({ storage: next.storage, key, scope: "", place: "here" });
    await next.transaction(() => successor.fence(2));
    expect(await successor.start(2)).toEqual({ epoch: 1, sequence: 1, position: emptyPosition });
    expect(await successor.delivered(asked)).toEqual(new Set(asked.slice(0, 4)));
    const last = { ...commit, epoch: 2, windowFinished: true, keepDelivered: { from: "a", below: "b" } };
    await next.transaction(async () => {
      await successor.advance(last, noFacts);
      await successor.settle(last);
    });
    successor.committed(last);
    expect(await successor.delivered(asked)).toEqual(new Set(["a"]));
    expect(await storage.identities.any("backfill/1")).toBe(false);
  });

  test("P4: a run of the same epoch is refused, and the message names the other state", async () => {
    const stored = await fresh();
    const [first, second] = [await stored.open(), await stored.open()];
    const [one, other] = [first, second].map(
      ({ storage }) => new SinkOffsets({ storage, key, scope: "", place: "here" }),
    );
    if (one === undefined || other === undefined) throw new Error("there are two");
    await first.transaction(() => one.fence(1));
    await expect(second.transaction(() => other.fence(1))).rejects.toMatchObject({
      code: "RUN_SUPERSEDED",
      message:
        "here: the run of epoch 1 may not write; another run of acme/events with the same epoch writes there, from another state",
      hint: expect.stringContaining("one state"),
    });
  });

  test("P4: a late run is refused at its fence and at its commit, and what it changed is undone", async () => {
    const stored = await fresh();
    const [late, newer] = [await stored.open(), await stored.open()];
    const [older, current] = [late, newer].map(
      ({ storage }) => new SinkOffsets({ storage, key, scope: "", place: "here" }),
    );
    if (older === undefined || current === undefined) throw new Error("there are two");
    await late.transaction(() => older.fence(1));
    await older.start(1);
    await late.transaction(() => older.fence(1));
    await newer.transaction(() => current.fence(2));
    await current.start(2);
    const refused = {
      code: "RUN_SUPERSEDED",
      message: "here: the run of epoch 1 may not write; a run of epoch 2 has taken acme/events over",
    };
    await expect(late.transaction(() => older.fence(1))).rejects.toMatchObject(refused);
    const commit = { ...row(1, 1, "5"), position: emptyPosition, windowFinished: false };
    const committing = late.transaction(async () => {
      await late.storage.identities.add("", ["a"]);
      await older.advance(commit, noFacts);
    });
    await expect(committing).rejects.toMatchObject(refused);
    expect(await newer.storage.identities.any("")).toBe(false);
    expect(await current.fencedEpoch()).toBe(2);
  });
});
