import { expect, test } from "vitest";
import { at, Bench, key, record } from "../../../test/support/engine-bench.ts";
import { decodePosition } from "../../model/position.ts";
import type { Input } from "../ports.ts";
import { backfill } from "./backfill.ts";
import { preview } from "./preview.ts";

/** An input that learns a fact from every read, and shows what it was given when it was opened. */
function learningBench() {
  const bench = new Bench();
  const given: string[][] = [];
  let next = "seen:1";
  const { input } = bench.pipeline;
  const learning: Input = {
    ...input,
    open: async (context) => {
      given.push([...(context.facts ?? [])]);
      const session = await input.open(context);
      const known = new Set(context.facts);
      return {
        read: (request) => {
          known.add(next);
          return session.read(request);
        },
        facts: () => known,
        close: () => session.close(),
      };
    },
  };
  const pipeline = { ...bench.pipeline, input: learning };
  return {
    bench: new Bench({ pipeline }),
    source: bench.source,
    given,
    learn: (fact: string) => {
      next = fact;
    },
  };
}

async function storedFacts(bench: Bench): Promise<readonly string[] | undefined> {
  return (await bench.state.get(key))?.position.facts;
}

test("what an input learns of its source is kept with the stream and given to the next run", async () => {
  const { bench, source, given, learn } = learningBench();
  source.put(record(1, 1));
  await bench.run();
  expect(await storedFacts(bench)).toEqual(["seen:1"]);
  learn("seen:0");
  await bench.run();
  expect(given).toEqual([[], ["seen:1"]]);
  expect(await storedFacts(bench)).toEqual(["seen:0", "seen:1"]);
});

test("a run that delivers nothing keeps what it has learned all the same", async () => {
  const { bench } = learningBench();
  const { recordsWritten } = await bench.run();
  expect(recordsWritten).toBe(0);
  expect(await storedFacts(bench)).toEqual(["seen:1"]);
});

test("P11: backfills and previews are given the live stream's facts, and add none", async () => {
  const { bench, source, given, learn } = learningBench();
  source.put(record(1, 1));
  await bench.run();
  learn("seen:2");
  await preview(bench.pipeline, { state: bench.state });
  await backfill(bench.pipeline, { state: bench.state, from: at(0), to: at(1) });
  expect(given).toEqual([[], ["seen:1"], ["seen:1"]]);
  expect(await storedFacts(bench)).toEqual(["seen:1"]);
});

test("a stream that is set elsewhere keeps its facts, and one that starts over forgets them", async () => {
  const { bench, source } = learningBench();
  source.put(record(1, 1));
  await bench.run();
  await bench.state.reset(key, { to: at(0), reason: "again", actor: "test" });
  expect(await storedFacts(bench)).toEqual(["seen:1"]);
  await bench.state.reset(key, { to: null, reason: "anew", actor: "test" });
  expect(await storedFacts(bench)).toBeUndefined();
});

test("P10: a position of format 1, which knew no facts, is read", () => {
  const old = `{"format":1,"watermark":"5","companions":{},"window":null,"boundary":[],"coverage":[]}`;
  expect(decodePosition(old, "c/s").watermark).toBe("5");
});
