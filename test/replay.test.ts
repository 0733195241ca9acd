import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import type { DeadLetterStore } from "../src/engine/ports.ts";
import { lettersOf, type ReplayOptions, replayDeadLetters } from "../src/engine/replay.ts";
import { attemptSync } from "../src/engine/sync.ts";
import { definePipeline, type PipelineDefinition } from "../src/pipeline/define.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openHttpState } from "../src/state/http/http.ts";
import { openMemoryState } from "../src/state/memory/memory.ts";
import { openState } from "../src/state/open.ts";
import { type SeenRequest, startHttpServer } from "./support/http-server.ts";
import { serveState } from "./support/http-state.ts";

const key = { connector: "orders", stream: "default" };

function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-replay-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const at = (day: number): string => `2026-01-0${day}T00:00:00Z`;

interface Setup {
  readonly state?: StateStore;
  readonly mode?: "upsert" | "append";
  readonly filters?: PipelineDefinition["filters"];
  readonly output?: (folder: string) => PipelineDefinition["output"];
}

/** Six orders, of which 3 and 6 have no `v`, and a table that wants one until it is mended. */
function bench({ state = openMemoryState(), mode = "upsert", filters = [], output }: Setup = {}) {
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

const states: Record<string, () => Promise<StateStore>> = {
  memory: async () => openMemoryState(),
  sqlite: async () => openState(`sqlite:${join(folderOfTest(), "state.db")}`),
  file: async () => openState(`file:${join(folderOfTest(), "state")}`),
  async http() {
    const listening = await serveState(openMemoryState());
    onTestFinished(() => listening.close(0));
    return openHttpState(listening.url);
  },
};

describe.each(Object.keys(states))("with state in %s", (kind) => {
  test("P11: letters are delivered and marked, as a run of its own, and the position stays", async () => {
    const state = await (states[kind] ?? states.memory)?.();
    if (state === undefined) throw new Error("no state");
    onTestFinished(async () => state[Symbol.asyncDispose]());
    const { run, replay, mend, rows, entries, position } = bench({ state });
    expect(await run()).toMatchObject({ status: "completed", recordsRefused: 2 });
    const before = await position();
    const inVain = await replay();
    expect(inVain.error).toBeNull();
    expect(inVain.letters).toMatchObject([
      { outcome: "refused", code: "OUTPUT_FAILED", reason: expect.stringContaining("no v") },
      { outcome: "refused" },
    ]);
    expect(entries()).toMatchObject([
      { status: "open", tries: 1, marked: { mark: "refused", actor: "ann", run: inVain.runId } },
      { status: "open", tries: 1 },
    ]);
    mend();
    const done = await replay();
    expect(done).toMatchObject({
      error: null,
      letters: [{ outcome: "replayed", records: 1 }, { outcome: "replayed" }],
    });
    expect(
      rows()
        .map(([id]) => id)
        .sort(),
    ).toEqual([1, 2, 3, 4, 5, 6]);
    expect(entries().map(({ status }) => status)).toEqual(["replayed", "replayed"]);
    expect(await position()).toEqual(before);
    expect(
      (await state.runs(key)).items.map(({ outcome, actor, metadata }) => [
        outcome,
        actor,
        metadata?.replayed_dead_letters,
      ]),
    ).toEqual([
      ["completed", "ann", { replayed: 2, refused: 0, kept: 0 }],
      ["completed", "ann", { replayed: 0, refused: 2, kept: 0 }],
      ["completed", null, undefined],
    ]);
    expect(await replay()).toMatchObject({ runId: null, letters: [] });
    expect(await run()).toMatchObject({ status: "completed", recordsWritten: 0, recordsRefused: 0 });
  });
});

test("ids choose letters; one that is not open is refused before anything is touched", async () => {
  const { run, replay, mend, entries, state } = bench();
  await run();
  mend();
  const [first, second] = entries();
  await replay({ ids: [second?.id ?? ""] });
  expect(entries().map(({ status }) => status)).toEqual(["open", "replayed"]);
  const { epoch } = (await state.get(key)) ?? {};
  await expect(replay({ ids: [first?.id ?? "", second?.id ?? ""] })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
  await expect(replay({ ids: ["none"] })).rejects.toMatchObject({
    message: expect.stringContaining("holds no letter none"),
  });
  expect((await state.get(key))?.epoch).toBe(epoch);
});

describe("a row that is there", () => {
  test("P2: one that is newer stays, whichever state it came by", async () => {
    const { run, replay, mend, add, rows, entries } = bench();
    await run();
    mend();
    add(3, "newer", 8);
    await run();
    expect((await replay()).letters).toMatchObject([{ outcome: "replayed" }, { outcome: "replayed" }]);
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBe("newer");
    expect(entries().every(({ status }) => status === "replayed")).toBe(true);
  });

  test("is replaced where it is older", async () => {
    const { run, replay, mend, rows, target } = bench();
    await run();
    mend();
    target.exec(`INSERT INTO rows VALUES (3, 'older', '${at(1)}')`);
    await replay();
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBeNull();
  });

  test("of which that cannot be told stays, and so does its letter, until --overwrite says otherwise", async () => {
    const { run, replay, mend, rows, entries, target } = bench({
      filters: [{ type: "remove", target: "at" }],
    });
    await run();
    mend();
    target.exec("INSERT INTO rows (id, v) VALUES (3, 'perhaps newer')");
    expect((await replay()).letters).toMatchObject([
      { outcome: "kept", code: "ROW_EXISTS" },
      { outcome: "replayed" },
    ]);
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBe("perhaps newer");
    expect(entries()).toMatchObject([{ status: "open", tries: 0 }, { status: "replayed" }]);
    expect((await replay({ overwrite: true })).letters).toMatchObject([{ outcome: "replayed" }]);
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBeNull();
  });
});

/** Letters that a crash keeps from being marked, from the n-th mark on. */
function crashingAt(letters: DeadLetterStore, marks: number): DeadLetterStore {
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

describe("a crash behind the delivery and before the mark", () => {
  test.each(["append", "upsert"] as const)(
    "P2: a table that takes an %s holds the record once",
    async (mode) => {
      const { run, replay, mend, rows, entries, pipeline } = bench({ mode });
      await run();
      mend();
      const crashed = await replay({ letters: crashingAt(lettersOf(pipeline), 0) });
      expect(crashed.error?.message).toBe("crash");
      expect(entries().map(({ status }) => status)).toEqual(["open", "open"]);
      expect(rows().filter(([id]) => id === 3)).toHaveLength(1);
      expect((await replay()).error).toBeNull();
      expect(entries().map(({ status }) => status)).toEqual(["replayed", "replayed"]);
      expect(rows().filter(([id]) => id === 3)).toHaveLength(1);
      expect(rows()).toHaveLength(6);
    },
  );

  test("P2: a letter that was refused is not taken for one that was delivered", async () => {
    const { run, replay, mend, rows, entries, pipeline } = bench({ mode: "append" });
    await run();
    await replay({ letters: crashingAt(lettersOf(pipeline), 1) });
    expect(entries().map(({ tries }) => tries)).toEqual([1, 0]);
    mend();
    expect((await replay()).letters).toHaveLength(2);
    expect(rows()).toHaveLength(6);
  });

  test("P2: a letter that comes again after it was replayed is delivered again", async () => {
    const { run, replay, mend, rows, entries, pipeline, path } = bench({ mode: "append" });
    await run();
    const line = readFileSync(path, "utf8").split("\n")[0] ?? "";
    mend();
    await replay({ letters: crashingAt(lettersOf(pipeline), 1) });
    writeFileSync(path, `${line.replace(/"time":"[^"]*"/, '"time":"2027-01-01T00:00:00.000Z"')}\n`, {
      flag: "a",
    });
    expect(entries().map(({ status }) => status)).toEqual(["open", "open"]);
    await replay();
    expect(rows().filter(([id]) => id === 3)).toHaveLength(2);
    expect(rows().filter(([id]) => id === 6)).toHaveLength(1);
  });
});

test("an endpoint is sent what it refused with the same Idempotency-Key, also after a crash", async () => {
  let takes = false;
  const seen: SeenRequest[] = [];
  const server = await startHttpServer(async (request, response) => {
    seen.push(request);
    response.statusCode = takes || JSON.parse(request.body).v !== null ? 200 : 422;
    response.end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { run, replay, pipeline, entries } = bench({
    output: (folder) => ({
      type: "httpRequest",
      endpoint: server.origin,
      onError: "deadLetter",
      deadLetter: { path: join(folder, "refused.jsonl") },
    }),
  });
  const keysOf = (id: number) =>
    seen.filter(({ body }) => JSON.parse(body).id === id).map(({ headers }) => headers["idempotency-key"]);
  expect(await run()).toMatchObject({ recordsRefused: 2 });
  takes = true;
  await replay({ letters: crashingAt(lettersOf(pipeline), 0) });
  expect(await replay()).toMatchObject({ letters: [{ outcome: "replayed" }, { outcome: "replayed" }] });
  expect(entries().map(({ status }) => status)).toEqual(["replayed", "replayed"]);
  expect(keysOf(3)).toHaveLength(3);
  expect(new Set(keysOf(3)).size).toBe(1);
  expect(keysOf(6)).toHaveLength(2);
});

test("an endpoint that is down ends the replay with the letters open, and the stream as it stood", async () => {
  let status = 422;
  const server = await startHttpServer(async (_, response) => {
    response.statusCode = status;
    response.end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { run, replay, entries, state } = bench({
    output: (folder) => ({
      type: "httpRequest",
      endpoint: server.origin,
      retry: { attempts: 1 },
      onError: "deadLetter",
      maxRefused: "100%",
      deadLetter: { path: join(folder, "refused.jsonl") },
    }),
  });
  expect(await run()).toMatchObject({ recordsRefused: 6 });
  status = 500;
  expect(await replay()).toMatchObject({ error: { code: "OUTPUT_UNAVAILABLE" }, letters: [] });
  expect(entries().every(({ status, tries }) => status === "open" && tries === 0)).toBe(true);
  expect(await state.get(key)).toMatchObject({ status: "completed" });
});

describe("letters of filters", () => {
  const letterOfFilter = (path: string) => {
    const [line = ""] = readFileSync(path, "utf8").split("\n");
    writeFileSync(
      path,
      `${line.replace('"stage":"output"', '"stage":"filter"').replace(/"id":"[^"]*"/, '"id":"of-the-filter"')}\n`,
    );
  };

  test("go through all filters as they are now, and then to the output", async () => {
    const { run, replay, rows, path } = bench({
      filters: [(record) => ({ ...record, v: record.v ?? "made" })],
    });
    const unmended = bench();
    await unmended.run();
    writeFileSync(path, readFileSync(unmended.path));
    letterOfFilter(path);
    await run();
    expect((await replay()).letters).toMatchObject([{ outcome: "replayed", records: 1 }]);
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBe("made");
  });

  test("that a filter refuses again, or drops, or makes several of, are told apart", async () => {
    let what: (record: Record<string, unknown>) => Record<string, unknown>[] | null = () => {
      throw new Error("boom");
    };
    const { replay, path, entries, rows, state } = bench({
      mode: "append",
      filters: [(record) => what(record)],
    });
    const unmended = bench();
    await unmended.run();
    const line =
      readFileSync(unmended.path, "utf8")
        .split("\n")[0]
        ?.replace('"stage":"output"', '"stage":"filter"')
        .replace(/"id":"[^"]*"/, '"id":"of-the-filter"') ?? "";
    writeFileSync(path, `${line}\n`);
    expect((await replay()).letters).toMatchObject([{ outcome: "refused", code: "FILTER_FAILED" }]);
    expect(entries()).toMatchObject([{ status: "open", tries: 1, code: "FILTER_FAILED" }]);
    // Of three records, one is refused by the output: it is a letter of its own now.
    what = (record) => [
      { ...record, v: "a" },
      { ...record, v: null },
      { ...record, v: "b" },
    ];
    expect((await replay()).letters).toMatchObject([{ outcome: "replayed", records: 2 }]);
    expect(rows()).toEqual([
      [3, "a"],
      [3, "b"],
    ]);
    expect(entries()).toMatchObject([{ status: "replayed" }, { status: "open", tries: 0 }]);
    what = () => null;
    writeFileSync(path, `${line}\n`);
    expect((await replay()).letters).toMatchObject([{ outcome: "replayed", records: 0 }]);
    expect((await state.runs(key)).items).toHaveLength(3);
  });
});

test("P4: a run that holds the stream is not disturbed; a replay waits where it is asked to", async () => {
  const { run, replay, mend, state } = bench();
  await run();
  mend();
  const held = await state.begin(key, { cursorType: "timestamp_utc" });
  await expect(replay()).rejects.toMatchObject({ code: "RUN_ACTIVE" });
  const waiting = new AbortController();
  let sleeps = 0;
  const clock = {
    ...systemClock,
    async sleep(ms: number, signal?: AbortSignal) {
      sleeps += 1;
      if (sleeps === 1) await state.complete(held, {});
      else await systemClock.sleep(ms, signal);
    },
  };
  const done = await replay({ wait: true, signal: waiting.signal, clock });
  expect(done.letters).toMatchObject([{ outcome: "replayed" }, { outcome: "replayed" }]);
});

test("a stream that has failed has failed still behind a replay, so that its run stays owed", async () => {
  const { run, replay, mend, state, target } = bench();
  await run();
  mend();
  const failing = await state.begin(key, { cursorType: "timestamp_utc" });
  await state.fail(failing, { error: "SOURCE_UNAVAILABLE: down" });
  await replay();
  expect(await state.get(key)).toMatchObject({ status: "failed", lastError: "SOURCE_UNAVAILABLE: down" });
  expect(target.prepare("SELECT count(*) AS n FROM rows").get()).toEqual({ n: 6 });
});

test("a replay that is asked to stop does so between two letters", async () => {
  const { run, replay, mend, entries } = bench();
  await run();
  mend();
  const stop = new AbortController();
  const stopped = await replay({ signal: stop.signal, onLetter: () => stop.abort() });
  expect(stopped.error?.code).toBe("RUN_CANCELLED");
  expect(entries().map(({ status }) => status)).toEqual(["replayed", "open"]);
});

test("P2: a replay into a file adds each record once", async () => {
  const { run, replay, pipeline, entries, path } = bench({
    output: (folder) => ({
      type: "file",
      path: join(folder, "out.csv"),
      format: "csv",
      columns: ["id", "at"],
      onError: "deadLetter",
      maxRefused: "100%",
      deadLetter: { path: join(folder, "refused.jsonl") },
    }),
  });
  expect(await run()).toMatchObject({ recordsRefused: 6 });
  const text = readFileSync(path, "utf8").replaceAll(/"v":(?:"v\d"|null),/g, "");
  writeFileSync(path, text);
  await replay({ letters: crashingAt(lettersOf(pipeline), 0) });
  await replay();
  expect(entries().map(({ status }) => status)).toEqual(Array(6).fill("replayed"));
  const csv = readFileSync(path.replace("refused.jsonl", "out.csv"), "utf8");
  expect(
    csv
      .trimEnd()
      .split("\n")
      .map((line) => line.split(",")[0])
      .sort(),
  ).toEqual(["1", "2", "3", "4", "5", "6", "id"]);
  expect(existsSync(path)).toBe(true);
});
