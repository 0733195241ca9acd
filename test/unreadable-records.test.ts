import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { attemptSync } from "../src/engine/run/sync.ts";
import { definePipeline } from "../src/pipeline/define.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
const pages = [
  [{ id: 1, at: at(1) }, null, { id: 2, at: "soon" }],
  [{ id: 3, at: at(3) }, { at: at(4) }, { id: 5 }],
  [],
];

async function pipelineTo(onError: "fail" | "deadLetter", paging: "page" | "offset") {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-unreadable-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startHttpServer((request, response) => {
    const skipped = Number(request.url.searchParams.get("offset") ?? 0);
    sendJson(
      response,
      JSON.stringify(pages[Number(request.url.searchParams.get("page") ?? 1 + skipped / 3) - 1] ?? []),
    );
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const letters = join(folder, "letters.jsonl");
  const rows = join(folder, "rows.jsonl");
  const pipeline = definePipeline({
    name: "events",
    input: {
      type: "httpPolling",
      endpoint: `${server.origin}/events`,
      schedule: "@hourly",
      key: "id",
      pagination: { type: paging, param: paging, limit: 3 },
      statePersistence: { timestamp: { field: "at", queryParam: "since" } },
    },
    output: {
      type: "file",
      path: rows,
      onError,
      ...(onError === "fail" ? {} : { deadLetter: { path: letters } }),
    },
  });
  const linesOf = (path: string) =>
    readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const state = openMemoryState();
  return { run: () => attemptSync(pipeline, { state }), letters, rows, linesOf };
}

test.each(["page", "offset"] as const)(
  "by %s: elements and records that cannot be read are dead-lettered, and every other is delivered",
  async (paging) => {
    const { run, letters, rows, linesOf } = await pipelineTo("deadLetter", paging);
    const result = await run();
    expect(result).toMatchObject({
      status: "completed",
      recordsRead: 6,
      recordsWritten: 2,
      recordsRefused: 4,
    });
    expect(linesOf(rows)).toEqual([pages[0]?.[0], pages[1]?.[0]]);
    expect(linesOf(letters)).toMatchObject([
      {
        stage: "input",
        code: "RECORD_INVALID",
        record: null,
        reason: expect.stringContaining("element 2 of the list is null"),
      },
      { stage: "input", code: "CURSOR_INVALID", field: "at", record: { id: 2 } },
      { stage: "input", code: "RECORD_INVALID", field: "id", record: { at: at(4) } },
      { stage: "input", code: "CURSOR_NULL", field: "at", record: { id: 5 } },
    ]);
    expect(statSync(letters).mode & 0o777).toBe(0o600);
    expect(await run()).toMatchObject({ status: "completed", recordsWritten: 0, recordsRefused: 0 });
  },
);

test("onError fail: an element that is no object fails the run and names its place", async () => {
  const { run } = await pipelineTo("fail", "page");
  expect(await run()).toMatchObject({
    status: "failed",
    error: { code: "RECORD_INVALID", message: expect.stringContaining("element 2 of the list is null") },
  });
});
