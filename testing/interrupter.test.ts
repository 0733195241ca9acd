import { expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import type { InputSession } from "../src/engine/ports.ts";
import { emptyPosition } from "../src/model/position.ts";
import { Bench } from "../test/support/engine-bench.ts";
import { Interrupter } from "./interrupter.ts";
import { MemoryTable, memoryOutput } from "./memory-output.ts";

/** A session that has all that a session can have. */
const whole: Required<InputSession> = {
  async *read() {},
  now: async () => 17,
  safeUpper: async () => null,
  readsPast: () => true,
  note: () => "a note",
  reach: (lower) => `below ${lower}`,
  facts: () => new Set(["a fact"]),
  readNothing: async () => {},
  watchesBound: () => true,
  sawBound: () => {},
  async *partitions() {
    yield ["a"];
  },
  close: async () => {},
};

test("an input's session is handed on with all that it has", async () => {
  const { input } = new Bench().pipeline;
  const interrupted = new Interrupter().input({ ...input, open: async () => whole });
  const context = { key: { connector: "a", stream: "b" }, signal: new AbortController().signal };
  const session = await interrupted.open({ ...context, clock: systemClock, warn: () => {} });
  expect(Object.keys(session).sort()).toEqual(Object.keys(whole).sort());
  expect(await session.now?.()).toBe(17);
  expect(await session.safeUpper?.(emptyPosition)).toBeNull();
  expect([session.readsPast?.(), session.note?.(), session.reach?.("7")]).toEqual([
    true,
    "a note",
    "below 7",
  ]);
  expect(session.watchesBound?.()).toBe(true);
  expect(session.facts?.()).toEqual(new Set(["a fact"]));
});

test("an output that is interrupted keeps what it says of itself, as the key by which it replaces rows", () => {
  const output = memoryOutput(new MemoryTable(), { appends: false });
  const { open: _, ...said } = new Interrupter().output(output);
  expect(said).toEqual({ kind: "memory", guarantee: "exactly-once", appends: false, upsertKey: ["id"] });
});
