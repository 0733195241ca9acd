import { describe, expect, it } from "vitest";
import { at, Bench, crashing, key } from "../../../test/support/engine-bench.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { backfill } from "./backfill.ts";
import { preview } from "./preview.ts";

function inPartition(partition: string, id: number, second: number): SourceRecord {
  return { id, updated_at: at(second), partition };
}

function benchOf(partitions: readonly string[], concurrency = 2, appends = true) {
  const bench = new Bench({
    appends,
    incremental: { partitions: { concurrency } },
    pipeline: { onConcurrentRun: "takeover" },
  });
  for (const [index, partition] of partitions.entries()) {
    for (let number = 1; number <= 5; number++)
      bench.source.put(inPartition(partition, index * 10 + number, number));
  }
  return bench;
}

async function watermarkOf(bench: Bench, partition: string): Promise<string | null | undefined> {
  return (await bench.state.partition(key, partition))?.position.watermark;
}

it("each partition has a position of its own, and the next run reads what changed in each", async () => {
  const bench = benchOf(["a", "b", "c"]);
  expect(await bench.run()).toMatchObject({ status: "completed", recordsWritten: 15, newCursor: null });
  expect(await watermarkOf(bench, "b")).toBe(at(5));
  bench.source.put(inPartition("b", 99, 7));
  expect(await bench.run()).toMatchObject({ recordsWritten: 1 });
  expect(await watermarkOf(bench, "b")).toBe(at(7));
  expect(await watermarkOf(bench, "c")).toBe(at(5));
});

it("a partition that comes later starts at its own beginning", async () => {
  const bench = benchOf(["a"]);
  await bench.run();
  bench.source.put(inPartition("new", 50, 1));
  expect(await bench.run()).toMatchObject({ recordsWritten: 1 });
  expect(bench.ids()).toContain(50);
});

it("P8: a partition that fails stops no other, and the run says which", async () => {
  const bench = benchOf(["a", "b", "c", "d"], 3);
  bench.source.beforePage = (_page, { partition }) => {
    if (partition === "b") throw new TidemarkError("SOURCE_REFUSED", "it answers 403");
  };
  const failed = await bench.attempt();
  expect(failed).toMatchObject({ status: "failed", recordsWritten: 15 });
  expect(failed.error).toMatchObject({ code: "SOURCE_REFUSED" });
  expect(failed.error?.message).toContain("1 of 4 could not be read whole");
  expect(failed.error?.message).toContain("partition b: it answers 403");
  expect(await watermarkOf(bench, "d")).toBe(at(5));
  bench.source.beforePage = () => {};
  expect(await bench.run()).toMatchObject({ recordsWritten: 5 });
  expect(new Set(bench.ids()).size).toBe(20);
});

describe("a source that is away", () => {
  const away = (): never => {
    throw new TidemarkError("SOURCE_UNAVAILABLE", "it answers 503");
  };
  const thirty = Array.from({ length: 30 }, (_, at) => `p${String(at).padStart(2, "0")}`);

  it("after 20 partitions in a row that find it away, the rest is not asked for", async () => {
    const bench = benchOf(thirty, 1);
    const asked: unknown[] = [];
    bench.source.beforePage = (_page, { partition }) => {
      asked.push(partition);
      away();
    };
    const failed = await bench.attempt();
    expect(failed.error).toMatchObject({ code: "SOURCE_UNAVAILABLE", recoverable: true });
    expect(failed.error?.message).toContain("20 of 20 could not be read whole");
    expect(failed.error?.message).toContain("; and 15 more");
    expect(asked).toEqual(thirty.slice(0, 20));
  });

  it.each([
    ["one that is read whole in between", new Set(["p10"]), 30],
    ["a failure that would not pass by itself", new Set<string>(), 30],
  ])("%s begins the count anew", async (_what, whole, partitions) => {
    const bench = benchOf(thirty, 1);
    const asked = new Set<unknown>();
    bench.source.beforePage = (_page, { partition }) => {
      asked.add(partition);
      if (whole.has(partition ?? "")) return;
      if (whole.size === 0 && partition === "p10")
        throw new TidemarkError("SOURCE_REFUSED", "it answers 403");
      away();
    };
    const failed = await bench.attempt();
    expect(failed.status).toBe("failed");
    expect(asked.size).toBe(partitions);
  });
});

it("P1: a partition whose record breaks a filter stands at its last written page", async () => {
  for (const pagesPerCheckpoint of [1, 2, 5]) {
    const bench = new Bench({
      incremental: { partitions: { concurrency: 1 }, pagesPerCheckpoint },
      reading: { pageSize: 1 },
    });
    let broken = true;
    const filter = {
      kind: "script",
      apply: (records: readonly SourceRecord[]) => {
        if (broken && records.some(({ id }) => id === 3)) throw new Error("no such field");
        return records;
      },
    };
    for (const [partition, id] of [
      ["a", 1],
      ["a", 2],
      ["a", 3],
      ["a", 4],
      ["b", 11],
    ] as const)
      bench.source.put(inPartition(partition, id, id));
    const pipeline = { ...bench.pipeline, filters: [filter] };
    const failing = new Bench();
    Object.assign(failing, { pipeline, source: bench.source, table: bench.table, state: bench.state });
    expect((await failing.attempt()).error?.message).toContain("partition a: no such field");
    expect(await watermarkOf(bench, "a")).toBe(at(2));
    broken = false;
    await failing.run();
    expect([...bench.ids()].sort((a, b) => Number(a) - Number(b))).toEqual([1, 2, 3, 4, 11]);
  }
});

it("P6: the same key and cursor in another partition is another record", async () => {
  const bench = new Bench({ incremental: { partitions: { concurrency: 2 }, order: "unordered" } });
  bench.source.records = [inPartition("a", 1, 1), inPartition("b", 1, 1)];
  await bench.run();
  expect(bench.ids()).toEqual([1, 1]);
  await bench.run();
  expect(bench.ids()).toEqual([1, 1]);
});

it("P2: a state that lost its last checkpoint finds each partition's place in the output", async () => {
  const bench = benchOf(["a", "b", "c"], 1);
  let commits = 0;
  await bench.attempt({
    state: crashing(bench.state),
    faults: (point) => {
      if (point === "afterCommit" && ++commits === 4) throw new Error("crash");
    },
  });
  await bench.run();
  expect(bench.ids()).toHaveLength(15);
  expect(new Set(bench.ids()).size).toBe(15);
});

it("P10: an output that lost a partition's rows is an error, and nothing is read over it", async () => {
  const bench = benchOf(["a", "b"], 1);
  await bench.run();
  for (const name of bench.table.commitPositions.keys())
    if (name.endsWith("/b")) bench.table.commitPositions.delete(name);
  const failed = await bench.attempt();
  expect(failed.error?.code).toBe("OUTPUT_LOST");
  expect(failed.error?.message).toContain("partition b of acme/events");
});

it("P11: a preview reads every partition from where it stands, and moves none", async () => {
  const bench = benchOf(["a", "b"]);
  await bench.run();
  bench.source.put(inPartition("a", 50, 8));
  const seen: unknown[] = [];
  await preview(bench.pipeline, {
    state: bench.state,
    onRecords: (records) => seen.push(...records.map(({ id }) => id)),
  });
  expect(seen).toEqual([50]);
  expect(await watermarkOf(bench, "a")).toBe(at(5));
});

it("P15: a partition that gives the same page again and again ends, and only it fails", async () => {
  const bench = benchOf(["a", "b"], 2);
  const { input } = bench.pipeline;
  const looping = {
    ...input,
    open: async (context: Parameters<typeof input.open>[0]) => {
      const session = await input.open(context);
      return {
        ...session,
        async *read(request: Parameters<typeof session.read>[0]) {
          if (request.partition !== "a") return yield* session.read(request);
          for (;;) yield { records: [inPartition("a", 1, 1), inPartition("a", 2, 2)], next: null };
        },
      };
    },
  };
  Object.assign(bench, { pipeline: { ...bench.pipeline, input: looping } });
  const failed = await bench.attempt();
  expect(failed.error?.code).toBe("PAGE_REPEATED");
  expect(await watermarkOf(bench, "b")).toBe(at(5));
});

it("a backfill into an output that appends is refused for its partitions, and not as a stream that was never read", async () => {
  const bench = benchOf(["a"]);
  await bench.run();
  const refused = backfill(bench.pipeline, { state: bench.state, from: at(1), to: at(2) });
  await expect(refused).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    message: expect.stringContaining("partitions"),
    hint: expect.stringContaining("`key`"),
  });
});
