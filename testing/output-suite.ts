import assert from "node:assert/strict";
import type { OutputSession } from "../src/engine/ports.ts";
import type { Position } from "../src/model/position.ts";
import { atLeastOnceCases } from "./output-suite/at-least-once-cases.ts";
import {
  Bench,
  type Cases,
  commitOf,
  incoherent,
  type OutputDestination,
  records,
  superseded,
} from "./output-suite/bench.ts";
import { refusalCases } from "./output-suite/refusal-cases.ts";

export type { OutputDestination } from "./output-suite/bench.ts";

export interface ContractCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export interface OutputContractOptions {
  /** What the output guarantees: `exactly-once` unless given. */
  readonly guarantee?: "exactly-once" | "at-least-once";
}

/**
 * What every output with a guarantee must do, as cases for any test runner. `create` makes a destination for one
 * case; the records written are `{ id: number, value: string }`.
 *
 * ```ts
 * for (const { name, run } of outputContract(create)) test(name, run);
 * for (const { name, run } of outputContract(create, { guarantee: "at-least-once" })) test(name, run);
 * ```
 */
export function outputContract(
  create: () => Promise<OutputDestination>,
  { guarantee = "exactly-once" }: OutputContractOptions = {},
): ContractCase[] {
  const cases = guarantee === "exactly-once" ? exactlyOnceCases : atLeastOnceCases;
  return Object.entries(cases).map(([name, check]) => ({
    name,
    async run() {
      const destination = await create();
      const sessions: OutputSession[] = [];
      try {
        assert.equal(
          destination.output.guarantee,
          guarantee,
          `these are the cases of an output that delivers ${guarantee}, and it declares ${destination.output.guarantee}`,
        );
        await check(new Bench(destination, sessions));
      } finally {
        for (const session of sessions) await session.close();
        await destination.dispose();
      }
    },
  }));
}

const fullPosition: Position = {
  watermark: "2018-02-01T00:00:00.123456789Z",
  secondaryCursors: { id: "9007199254740993", offset: "12" },
  window: {
    lower: null,
    upper: "2018-02-02T00:00:00Z",
    order: "descending",
    highest: "2018-02-01T12:00:00Z",
    resume: { kind: "token", token: "päge/2?\u2028" },
  },
  tieSet: [{ identity: "a\"b'c\\d", cursor: "2018-02-01T00:00:00.123456789Z", count: 2 }],
  coverage: [{ lower: null, upper: "2018-01-01T00:00:00Z" }],
};

const exactlyOnceCases: Cases = {
  ...refusalCases,

  "P5: what a commit acknowledged is there for every reader, and nothing before it is": async (bench) => {
    const session = await bench.fenced(1);
    assert.equal(await session.write(records(1, 2)), 2);
    assert.deepEqual(await bench.ids(), []);
    await session.commit(commitOf(1, 1));
    assert.deepEqual(await bench.ids(), [1, 2]);
    await session.write(records(3));
    await session.write(records(4));
    assert.deepEqual(await bench.ids(), [1, 2]);
    await session.commit(commitOf(1, 2));
    assert.deepEqual(await bench.ids(), [1, 2, 3, 4]);
  },

  "P2: a run that ends before its commit leaves neither rows nor commit position": async (bench) => {
    const first = await bench.fenced(1);
    await first.write(records(1));
    await first.commit(commitOf(1, 1));
    await first.write(records(2));
    await bench.close(first);
    const next = await bench.open();
    assert.deepEqual(await bench.ids(), [1]);
    assert.equal((await next.fence(2))?.position.watermark, "1");
  },

  "P1: a first run that ends before its commit leaves nothing": async (bench) => {
    const first = await bench.fenced(1);
    await first.write(records(1));
    await bench.close(first);
    const next = await bench.open();
    assert.deepEqual(await bench.ids(), []);
    assert.equal(await next.fence(2), null);
  },

  "P4: after a newer fence the older run's commit is refused and leaves nothing": async (bench) => {
    const older = await bench.fenced(1);
    await older.write(records(1));
    await older.commit(commitOf(1, 1));
    await older.write(records(2));
    const newer = await bench.open();
    assert.equal((await newer.fence(2))?.sequence, 1);
    await assert.rejects(older.commit(commitOf(1, 2)), superseded);
    assert.deepEqual(await bench.ids(), [1]);
    await newer.write(records(3));
    await newer.commit(commitOf(2, 1));
    assert.deepEqual(await bench.ids(), [1, 3]);
  },

  "P4: an older run is refused also after the newer one has written, and cannot undo it": async (bench) => {
    const older = await bench.fenced(1);
    await older.write(records(1));
    const newer = await bench.fenced(2);
    await newer.write(records(1, 2));
    await newer.commit(commitOf(2, 1));
    await assert.rejects(older.commit(commitOf(1, 1)), superseded);
    await bench.close(older);
    assert.deepEqual(await bench.ids(), [1, 2]);
    const next = await bench.open();
    const commitPosition = await next.fence(3);
    assert.deepEqual([commitPosition?.epoch, commitPosition?.sequence], [2, 1]);
  },

  "P4: a fence under an epoch older than the newest is refused": async (bench) => {
    await bench.fenced(5);
    const late = await bench.open();
    await assert.rejects(late.fence(4), superseded);
  },

  "the newest epoch is told before a fence, also one that committed nothing": async (bench) => {
    const looking = await bench.open();
    assert.equal(await looking.fencedEpoch(), 0);
    const session = await bench.fenced(3);
    assert.equal(await looking.fencedEpoch(), 3);
    await session.commit(commitOf(3, 1));
    await bench.fenced(7);
    assert.equal(await looking.fencedEpoch(), 7);
  },

  "the position of the last commit comes back whole, with the epoch it was made under": async (bench) => {
    const session = await bench.fenced(3);
    await session.write(records(1));
    await session.commit(commitOf(3, 7, { position: fullPosition, windowFinished: false }));
    const next = await bench.open();
    assert.deepEqual(await next.fence(4), { epoch: 3, sequence: 7, position: fullPosition });
    const third = await bench.open();
    assert.deepEqual(await third.fence(5), { epoch: 3, sequence: 7, position: fullPosition });
  },

  "a commit without rows moves the commit position": async (bench) => {
    const session = await bench.fenced(1);
    await session.commit(commitOf(1, 1));
    const next = await bench.open();
    assert.equal((await next.fence(2))?.position.watermark, "1");
    assert.deepEqual(await bench.ids(), []);
  },

  "scopes have commit positions and epochs of their own": async (bench) => {
    const live = await bench.fenced(4);
    await live.write(records(1));
    await live.commit(commitOf(4, 1));
    const backfill = await bench.open({ scope: "backfill/1" });
    assert.equal(await backfill.fence(1), null);
    await backfill.write(records(2));
    await backfill.commit(commitOf(1, 1));
    await live.write(records(3));
    await live.commit(commitOf(4, 2));
    assert.deepEqual(await bench.ids(), [1, 2, 3]);
  },

  "partitions have commit positions of their own, kept with the rows and fenced by the stream's epoch":
    async (bench) => {
      const positionAt = (watermark: string): Position => ({ ...fullPosition, watermark });
      const [north, south] = ["north", "so/uth 'ü'"];
      const older = await bench.fenced(1);
      assert.equal(await older.partition?.(north), null);
      await older.write(records(1));
      const moves = [
        { partition: north, position: positionAt("2018-02-01T00:00:00Z") },
        { partition: south, position: positionAt("2018-02-02T00:00:00Z") },
      ];
      await older.commit(commitOf(1, 1, { partitions: moves }));
      const newer = await bench.open();
      assert.equal((await newer.fence(2))?.position.watermark, "1");
      await assert.rejects(
        older.commit(commitOf(1, 2, { partitions: [{ partition: north, position: fullPosition }] })),
        superseded,
      );
      const again = { partition: south, position: positionAt("2018-02-03T00:00:00Z") };
      await newer.commit(commitOf(2, 1, { partitions: [again] }));
      assert.deepEqual(await newer.partition?.(north), {
        epoch: 1,
        sequence: 1,
        position: moves[0]?.position,
      });
      assert.deepEqual(await newer.partition?.(south), { epoch: 2, sequence: 1, position: again.position });
      const backfill = await bench.fenced(1, { scope: "backfill/1" });
      assert.equal(await backfill.partition?.(north), null);
      await backfill.commit(commitOf(1, 1, { partitions: [again] }));
      assert.deepEqual(await newer.partition?.(south), { epoch: 2, sequence: 1, position: again.position });
      assert.deepEqual(await bench.ids(), [1]);
    },

  "streams have commit positions and epochs of their own, or a second one is refused": async (bench) => {
    const first = await bench.fenced(4);
    await first.write(records(1));
    await first.commit(commitOf(4, 1));
    const other = await bench.open({ stream: "orders" });
    if (bench.oneStream) await assert.rejects(other.fence(1), incoherent);
    else {
      assert.equal(await other.fence(1), null);
      await other.write(records(2));
      await other.commit(commitOf(1, 1));
    }
    await first.write(records(3));
    await first.commit(commitOf(4, 2));
    assert.deepEqual(await bench.ids(), bench.oneStream ? [1, 3] : [1, 2, 3]);
  },

  "a record that cannot be taken fails the write or the commit, which leaves nothing": async (bench) => {
    const { refused } = bench;
    if (refused === undefined) return;
    const session = await bench.fenced(1);
    await assert.rejects(async () => {
      await session.write({ records: [...records(1).records, refused(2)] });
      await session.commit(commitOf(1, 1));
    }, /2/);
    assert.deepEqual(await bench.ids(), []);
  },

  "P13: more than is held in memory is committed whole, or not at all": async (bench) => {
    const ids = Array.from({ length: 25_000 }, (_, at) => at);
    const writeAll = async (session: OutputSession): Promise<void> => {
      for (let from = 0; from < ids.length; from += 2_500)
        await session.write(records(...ids.slice(from, from + 2_500)));
    };
    const first = await bench.fenced(1);
    await writeAll(first);
    await bench.close(first);
    assert.deepEqual(await bench.ids(), []);
    const second = await bench.fenced(2);
    await writeAll(second);
    await second.commit(commitOf(2, 1));
    assert.deepEqual(await bench.ids(), ids);
    await second.write(records(25_000));
    await second.commit(commitOf(2, 2));
    assert.equal((await bench.ids()).length, 25_001);
  },

  "P2: what was delivered in an unfinished window is known to the next run": async (bench) => {
    if (!bench.appends) return;
    const first = await bench.fenced(1);
    assert.deepEqual(await first.delivered?.(["a", "b"]), new Set());
    await first.write({ ...records(1, 2), deliveries: ["a", "b"] });
    await first.commit(commitOf(1, 1, { windowFinished: false }));
    await first.write({ ...records(3), deliveries: ["c"] });
    assert.deepEqual(await first.delivered?.(["a", "c", "d"]), new Set(["a", "c"]));
    await bench.close(first);
    const next = await bench.fenced(2);
    assert.deepEqual(await next.delivered?.(["a", "b", "c", "d"]), new Set(["a", "b"]));
  },

  "P1: what was only asked for does not count as delivered": async (bench) => {
    if (!bench.appends) return;
    const first = await bench.fenced(1);
    await first.delivered?.(["a", "b"]);
    await first.write({ ...records(1), deliveries: ["a"] });
    await first.commit(commitOf(1, 1, { windowFinished: false }));
    assert.deepEqual(await first.delivered?.(["a", "b"]), new Set(["a"]));
    const next = await bench.fenced(2);
    assert.deepEqual(await next.delivered?.(["a", "b"]), new Set(["a"]));
  },

  "what was delivered in a window stays known as far as the commit asks for it": async (bench) => {
    if (!bench.appends) return;
    const keep = (from: string) => ({ keepDelivered: { from: `w:${from}`, below: "w;" } });
    const asked = ["w:1 a", "w:2 b", "w:20 B", "w:3 c", "x", "w", "w:4 d"];
    const first = await bench.fenced(1);
    await first.write({ ...records(1), deliveries: ["w:1 a", "w:2 b", "w:20 B", "x", "w:3 c", "w"] });
    await first.commit(commitOf(1, 1, keep("2")));
    assert.deepEqual(await first.delivered?.(asked), new Set(["w:2 b", "w:20 B", "w:3 c"]));
    await first.write({ ...records(2), deliveries: ["w:4 d"] });
    await first.commit(commitOf(1, 2, { windowFinished: false }));
    await bench.close(first);
    const next = await bench.fenced(2);
    assert.deepEqual(await next.delivered?.(asked), new Set(["w:2 b", "w:20 B", "w:3 c", "w:4 d"]));
    await next.commit(commitOf(2, 1, keep("3")));
    assert.deepEqual(await next.delivered?.(asked), new Set(["w:3 c", "w:4 d"]));
    await next.commit(commitOf(2, 2));
    assert.deepEqual(await next.delivered?.(asked), new Set());
  },

  "what was delivered in a window is forgotten when the window is finished": async (bench) => {
    if (!bench.appends) return;
    const session = await bench.fenced(1);
    await session.write({ ...records(1), deliveries: ["a"] });
    await session.commit(commitOf(1, 1, { windowFinished: false }));
    await session.write({ ...records(2), deliveries: ["b"] });
    await session.commit(commitOf(1, 2));
    assert.deepEqual(await session.delivered?.(["a", "b"]), new Set());
  },

  "P2: identities of any length and form are told apart": async (bench) => {
    if (!bench.appends) return;
    const long = "x".repeat(5_000);
    const odd = [`${long}1`, `${long}2`, "a\u0000b", "a\ud800b", "ä'\"\\", ""];
    const first = await bench.fenced(1);
    await first.write({ ...records(1), deliveries: odd });
    await first.commit(commitOf(1, 1, { windowFinished: false }));
    const next = await bench.fenced(2);
    assert.deepEqual(await next.delivered?.([...odd, `${long}3`, "a\u0001b", "a\ud801b"]), new Set(odd));
  },
};
