import { expect, test } from "vitest";
import { assertFitsMemory, type Heap, processHeap } from "./answer-memory.ts";

const megabyte = 1024 * 1024;
const forever = new AbortController().signal;
/** 500,000 empty objects: about 22 MB as values. */
const objects = `[${"{},".repeat(499_999)}{}]`;

function heapOf(limit: number, used: number, afterCollection = used) {
  let now = used;
  const heap: Heap = {
    limit,
    used: () => now,
    collect() {
      now = afterCollection;
    },
  };
  return heap;
}

test("an answer of more values than declared is refused, however small", async () => {
  await assertFitsMemory("[1,2,3]", 4, forever);
  await expect(assertFitsMemory("[1,2,3,4]", 4, forever)).rejects.toThrow(
    "it holds 5 values, more than the 4 that one answer may hold (`maxBodyValues`)",
  );
});

test("a text of many bytes and few values is taken", async () => {
  const text = JSON.stringify([{ id: 1, text: "x".repeat(40 * megabyte) }]);
  await assertFitsMemory(text, 4, forever, heapOf(100 * megabyte, 10 * megabyte));
});

test("an answer that would take more than half of the heap is refused, and the error says how to raise it", async () => {
  const refused = assertFitsMemory(objects, 5_000_000, forever, heapOf(70 * megabyte, 0));
  await expect(refused).rejects.toMatchObject({
    message: expect.stringMatching(
      /^its 100000\d values would take about 4\d MB, more than half of .* 70 MB$/,
    ),
    hint: expect.stringContaining("NODE_OPTIONS=--max-old-space-size="),
    recoverable: false,
  });
});

test("garbage is no reason to refuse an answer", async () => {
  await assertFitsMemory(objects, 5_000_000, forever, heapOf(120 * megabyte, 118 * megabyte, 10 * megabyte));
});

test("an answer waits until what else is held is done with", async () => {
  let used = 110 * megabyte;
  const heap: Heap = { limit: 120 * megabyte, used: () => used, collect() {} };
  const waiting = assertFitsMemory(objects, 5_000_000, forever, heap);
  setImmediate(() => {
    used = 10 * megabyte;
  });
  await waiting;
});

test("a wait for memory ends with its signal", async () => {
  const stop = new AbortController();
  const waiting = assertFitsMemory(objects, 5_000_000, stop.signal, heapOf(120 * megabyte, 110 * megabyte));
  stop.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow();
});

test("the heap of this process can be collected", () => {
  let garbage: unknown = Array.from({ length: 1_000_000 }, (_, n) => ({ n }));
  const before = processHeap.used();
  expect(garbage).toHaveLength(1_000_000);
  garbage = null;
  processHeap.collect();
  expect(processHeap.used()).toBeLessThan(before);
  expect(processHeap.limit).toBeGreaterThan(processHeap.used());
});
