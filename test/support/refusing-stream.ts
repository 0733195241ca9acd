import type { DeadLetter, Input, Pipeline } from "../../src/engine/ports.ts";
import type { RunResult } from "../../src/engine/run/result.ts";
import { sync } from "../../src/engine/run/sync.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";

export interface RefusingStream {
  run(): Promise<RunResult>;
  /** The ids of what was delivered, in order. */
  ids(): unknown[];
  letters: DeadLetter[];
}

/** A stream that is synced again and again into memory, and sets the records aside that it refuses. */
export function refusingStream(input: Input): RefusingStream {
  const table = new MemoryTable();
  const state = openMemoryState();
  const letters: DeadLetter[] = [];
  const deadLetters = () => ({
    place: "memory",
    add: (letter: DeadLetter) => void letters.push(letter),
    sync() {},
    close() {},
  });
  const pipeline: Pipeline = {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input,
    filters: [],
    output: { ...memoryOutput(table, { appends: true }), onError: { policy: "deadLetter", deadLetters } },
  };
  return { run: () => sync(pipeline, { state }), ids: () => table.rows.map(({ id }) => id), letters };
}
