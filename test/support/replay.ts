import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import type { DeadLetterStore } from "../../src/engine/ports.ts";
import { lettersOf, type ReplayOptions, replayDeadLetters } from "../../src/engine/refusals/replay.ts";
import { attemptSync } from "../../src/engine/run/sync.ts";
import { definePipeline, type PipelineDefinition } from "../../src/pipeline/define.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";

export const key = { connector: "orders", stream: "default" };

export function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-replay-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const at = (day: number): string => `2026-01-0${day}T00:00:00Z`;

interface Setup {
  readonly state?: StateStore;
  readonly mode?: "upsert" | "append";
  readonly filters?: PipelineDefinition["filters"];
  readonly output?: (folder: string) => PipelineDefinition["output"];
}

/** Six orders, of which 3 and 6 have no `v`, and a table that wants one until it is mended. */
export function bench({ state = openMemoryState(), mode = "upsert", filters = [], output }: Setup = {}) {
  const folder = folderOfTest();
  const source = new DatabaseSync(join(folder, "source.db"));
  const target = new DatabaseSync(join(folder, "target.db"));
  onTestFinished(() => {
    source.close();
    target.close();
  });
  source.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, at TEXT)");
  const add = (id: number, v: string | null, day: number) =>
    source.prepare("INSERT OR REPLACE INTO t VALUES (?, ?, ?)").run(id, v, at(day));
  for (let id = 1; id <= 6; id++) add(id, id % 3 === 0 ? null : `v${id}`, id);
  const isKey = mode === "upsert" ? "INTEGER PRIMARY KEY" : "INTEGER";
  target.exec(`CREATE TABLE rows (id ${isKey}, v TEXT, at TEXT)`);
  target.exec(
    "CREATE TRIGGER strict BEFORE INSERT ON rows WHEN NEW.v IS NULL BEGIN SELECT RAISE(ABORT, 'no v'); END",
  );
  const path = join(folder, "refused.jsonl");
  const onError = { onError: "deadLetter", deadLetter: { path } } as const;
  const table = {
    type: "database",
    connectionString: `sqlite:${join(folder, "target.db")}`,
    table: "rows",
    mode,
    ...(mode === "upsert" ? { key: "id" } : {}),
  } as const;
  const pipeline = definePipeline({
    name: "orders",
    input: {
      type: "database",
      connectionString: `sqlite:${join(folder, "source.db")}`,
      table: "t",
      key: "id",
      statePersistence: { timestamp: { field: "at" } },
    },
    filters: [...filters],
    output: output?.(folder) ?? { ...table, ...onError },
  });
  const rows = () =>
    target
      .prepare("SELECT id, v FROM rows ORDER BY rowid")
      .all()
      .map(({ id, v }) => [id, v]);
  return {
    path,
    pipeline,
    state,
    target,
    add,
    rows,
    mend: () => target.exec("DROP TRIGGER strict"),
    run: () => attemptSync(pipeline, { state }),
    replay: (options: Partial<ReplayOptions> = {}) =>
      replayDeadLetters(pipeline, { state, actor: "ann", ...options }),
    entries: () => lettersOf(pipeline).entries(key).entries,
    position: async () => (await state.get(key))?.position,
  };
}

/** Letters that a crash keeps from being marked, from the n-th mark on. */
export function crashingAt(letters: DeadLetterStore, marks: number): DeadLetterStore {
  let left = marks;
  return {
    place: letters.place,
    entries: (of) => letters.entries(of),
    letter: (entry) => letters.letter(entry),
    add: (letter) => letters.add(letter),
    mark(mark) {
      left -= 1;
      if (left < 0) throw new Error("crash");
      letters.mark(mark);
    },
    sync: () => letters.sync(),
    close: () => letters.close(),
    purge: (of) => letters.purge(of),
  };
}
