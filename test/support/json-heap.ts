import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";
import { parseJson } from "../../src/model/json.ts";

const list = (length: number, element: (index: number) => string): string =>
  `[${Array.from({ length }, (_, index) => element(index)).join(",")}]`;

const names = (count: number, mark: string): string =>
  Array.from({ length: count }, (_, index) => `"${mark}${index}":${index}`).join(",");

/** Texts of many values of one kind each. */
export const jsonTexts: Readonly<Record<string, () => string>> = {
  "empty objects": () => list(100_000, () => "{}"),
  "empty lists": () => list(100_000, () => "[]"),
  "lists in lists": () => list(50_000, () => "[[[[1]]]]"),
  "objects in objects": () => list(100_000, () => '{"a":{"b":{}}}'),
  "names that are used once": () => list(50_000, (n) => `{"k${n}":1}`),
  "names that are numbers": () => list(50_000, (n) => `{"${n}":1}`),
  "names that are large numbers": () => list(50_000, (n) => `{"${500_000 + (n % 1000)}":1}`),
  "one object of very many names": () => `{${names(50_000, "k")}}`,
  "objects of many names": () => list(100, (n) => `{${names(1000, `c${n}_`)}}`),
  "short texts": () => list(100_000, (n) => `"v${n}"`),
  "numbers with many digits": () => list(50_000, (n) => `123456789012345${n}.5`),
  records: () =>
    list(
      50_000,
      (n) => `{"id":${n},"at":"2026-01-01T00:00:00Z","name":"Name ${n}","n":${n}.25,"tags":["a"]}`,
    ),
};

/** Collects until nothing more goes: finalizers take a turn each. */
async function heapInUse(): Promise<number> {
  for (let last = Number.POSITIVE_INFINITY; ; ) {
    collectGarbage();
    await setImmediate();
    const used = v8.getHeapStatistics().used_heap_size;
    if (used > last - 10_000) return used;
    last = used;
  }
}

function collectGarbage(): void {
  v8.setFlagsFromString("--expose-gc");
  const collect: unknown = vm.runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("no garbage collector");
  collect();
}

async function heapOf(text: string): Promise<number> {
  const before = await heapInUse();
  const value = parseJson(text);
  const bytes = (await heapInUse()) - before;
  if (typeof value !== "object") throw new Error("the text is no list and no object");
  return bytes;
}

/** As a program it prints the bytes that the values of each text take. The heap of a test's worker is a hundred times as large. */
export const jsonHeapProgram = fileURLToPath(import.meta.url);

if (process.argv[1] === jsonHeapProgram) {
  const bytes: Record<string, number> = {};
  for (const [name, text] of Object.entries(jsonTexts)) bytes[name] = await heapOf(text());
  console.log(JSON.stringify(bytes));
}
