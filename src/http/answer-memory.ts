import { setTimeout as sleep } from "node:timers/promises";
import v8 from "node:v8";
import vm from "node:vm";
import { countValues, weighJson } from "../model/json-weight.ts";
import { UnusableAnswer } from "./decode.ts";

/**
 * Protects the process from large answers. Node ends a process whose heap is full, and with it every pipeline in it. So
 * the values and the memory of an answer are estimated from its text, before it is parsed.
 */

/** The heap of the process. */
export interface Heap {
  /** In bytes. */
  readonly limit: number;
  /** In bytes; garbage that was not collected yet counts. */
  used(): number;
  /** Collects all garbage. Takes about a tenth of a second, in a large heap a second. */
  collect(): void;
}

let collectGarbage: (() => void) | null = null;

export const processHeap: Heap = {
  get limit() {
    return v8.getHeapStatistics().heap_size_limit;
  },
  used: () => v8.getHeapStatistics().used_heap_size,
  collect() {
    if (collectGarbage === null) {
      v8.setFlagsFromString("--expose-gc");
      const found: unknown = vm.runInNewContext("gc");
      collectGarbage = () => {
        if (typeof found === "function") found();
      };
    }
    collectGarbage();
  },
};

/** Smaller texts are not checked: their values take 30 MB at most. */
const smallText = 1024 * 1024;
/** The most memory that one value takes, in bytes. */
const heaviestValue = 300;
/**
 * The share of the heap that one answer may take. Records are copied during processing, and the next page is read
 * meanwhile.
 */
const shareOfOne = 0.5;
/** The share of the heap that memory in use and the answer may take together. */
const shareOfAll = 0.85;
/** How long to wait for other pages to be processed, in milliseconds. */
const waits = [0, 500, 1500, 3000, 5000, 10_000];

/**
 * Throws `UnusableAnswer` where a text holds more than `maxValues`, where its values would take more than half of the
 * heap, or, after 20 s of waiting for what else is held, where the heap has no room for them now.
 */
export async function assertFitsMemory(
  text: string,
  maxValues: number,
  signal: AbortSignal,
  heap: Heap = processHeap,
): Promise<void> {
  if (text.length < smallText && text.length <= maxValues) return;
  const values = countValues(text);
  if (values > maxValues) {
    throw new UnusableAnswer(
      `it holds ${values} values, more than the ${maxValues} that one answer may hold (\`maxBodyValues\`)`,
      {
        isTooLarge: true,
        hint: "Ask for smaller pages, or raise `maxBodyValues` if the source is trusted and memory allows it.",
      },
    );
  }
  if (text.length < smallText) return;
  const { limit } = heap;
  const mostItTakes = values * heaviestValue + text.length;
  if (mostItTakes + heap.used() <= limit * shareOfOne) return;
  const bytes = weighJson(text);
  if (bytes > limit * shareOfOne) {
    throw new UnusableAnswer(
      `its ${values} values would take about ${megabytes(bytes)}, more than half of this process's heap of ${megabytes(limit)}`,
      {
        isTooLarge: true,
        hint: `Ask for smaller pages, or give the process a larger heap, as by ${flagFor(bytes)}.`,
      },
    );
  }
  for (const wait of waits) {
    if (wait > 0) await sleep(wait, undefined, { signal });
    if (bytes + heap.used() <= limit * shareOfAll) return;
    heap.collect();
    if (bytes + heap.used() <= limit * shareOfAll) return;
  }
  throw new UnusableAnswer(
    `its values would take about ${megabytes(bytes)}, and this process's heap of ${megabytes(limit)} has no room for them now`,
    {
      hint: `Run fewer pipelines at once (\`--max-concurrent\`), ask for smaller pages, or give the process a larger heap, as by ${flagFor(limit)}.`,
      isTooLarge: true,
      recoverable: true,
    },
  );
}

function flagFor(bytes: number): string {
  const megabytes = Math.ceil((bytes * 3) / 1024 ** 3) * 1024;
  return `\`NODE_OPTIONS=--max-old-space-size=${megabytes}\``;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MB`;
}
