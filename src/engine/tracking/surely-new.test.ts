import { expect, test } from "vitest";
import { Bench, record } from "../../../test/support/engine-bench.ts";
import type { Output } from "../ports.ts";

/** The same output, with each question for deliveries put down. */
function listening(output: Output, asked: string[][]): Output {
  return {
    ...output,
    async open(context) {
      const session = await output.open(context);
      const { delivered } = session;
      session.delivered = async (identities) => {
        asked.push([...identities]);
        return (await delivered?.call(session, identities)) ?? new Set();
      };
      return session;
    },
  };
}

function benchOf(records: readonly (readonly [id: number, moment: number])[]) {
  const bench = new Bench({ reading: { order: "stored", paging: "snapshot" } });
  bench.source.records = records.map(([id, moment]) => record(id, moment));
  const asked: string[][] = [];
  return { bench, asked, pipeline: { ...bench.pipeline, output: listening(bench.pipeline.output, asked) } };
}

test("an append in order does not ask for what is surely new, ties across pages included", async () => {
  const { bench, asked, pipeline } = benchOf([1, 2, 3, 4, 5, 6, 7].map((id) => [id, Math.ceil(id / 2)]));
  await new Bench({ pipeline }).run();
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(asked).toEqual([]);
});

test("P1: a record that comes again on the next page of a run is delivered once", async () => {
  const { bench, asked, pipeline } = benchOf([1, 2, 3, 3, 4, 5].map((id) => [id, id]));
  await new Bench({ pipeline }).run();
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5]);
  expect(asked).toHaveLength(1);
});

test.each([
  [1, 1, 2, 3],
  [1, 2, 2, 3],
  [1, 2, 3, 3],
])(
  "P1: a record that comes twice is delivered once, wherever in its page it lies: %i %i %i %i",
  async (...moments) => {
    const { bench, pipeline } = benchOf(moments.map((id) => [id, id]));
    await new Bench({ pipeline }).run();
    expect(bench.ids()).toEqual([1, 2, 3]);
  },
);

test("P9: once the order is broken, an append asks for everything and delivers nothing twice", async () => {
  const { bench, asked, pipeline } = benchOf([1, 2, 3, 4, 2, 5, 1, 6, 7].map((id) => [id, id]));
  await new Bench({ pipeline }).run();
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(asked).toHaveLength(2);
});

test("P2: a run after one that broke off asks, since the output still keeps what that one delivered", async () => {
  const { bench, asked, pipeline } = benchOf([1, 2, 3, 4, 5, 6, 7].map((id) => [id, id]));
  const through = new Bench({ pipeline });
  let seen = 0;
  const faults = (point: string): void => {
    if (point === "afterCommit" && ++seen === 2) throw new Error("crash");
  };
  await through.attempt({ faults });
  expect(asked).toEqual([]);
  await through.run();
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(asked.length).toBeGreaterThan(0);
});
