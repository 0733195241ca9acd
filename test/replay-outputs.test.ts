import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { lettersOf } from "../src/engine/refusals/replay.ts";
import { startHttpServer } from "./support/http-server.ts";
import { bench, crashingAt, key } from "./support/replay.ts";

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

  test("that a filter refuses again, or drops, or makes several of, are distinguished", async () => {
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
