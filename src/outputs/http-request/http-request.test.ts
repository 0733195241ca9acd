import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  commit,
  deadLettersIn,
  freshDeadLetterPath,
  type HttpRequestKeys,
  ids,
  idsIn,
  openHttpRequest,
  range,
  startAnswering,
  writeOnce,
} from "../../../test/support/http-request.ts";
import { startHttpServer } from "../../../test/support/http-server.ts";
import { ExactNumber } from "../../model/exact-number.ts";

test("a request is made again under the retry policy, with the same idempotency key", async () => {
  const server = await startAnswering((_, count) => (count < 3 ? 503 : 200));
  const result = await writeOnce({ endpoint: server.origin }, ids(1));
  expect(result).toMatchObject({ written: 1, error: null });
  expect(server.seen).toHaveLength(3);
  expect(new Set(server.seen.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
});

test("429 with Retry-After is waited out, and is no refusal", async () => {
  const server = await startAnswering((_, count, response) => {
    if (count > 1) return 200;
    response.setHeader("retry-after", "17");
    return 429;
  });
  const result = await writeOnce({ endpoint: server.origin, onError: "skip" }, ids(1));
  expect(result).toMatchObject({ written: 1, warnings: [] });
  expect(result.sleeps).toEqual([17_000]);
});

test("a connection that breaks off is made again", async () => {
  const server = await startAnswering((_, count, response) => {
    if (count === 1) response.destroy();
    return 200;
  });
  expect(await writeOnce({ endpoint: server.origin }, ids(1))).toMatchObject({ written: 1 });
  expect(server.seen).toHaveLength(2);
});

test("onError fail: a refusal names the record and the answer, and nothing more is sent", async () => {
  const server = await startAnswering((request) => (idsIn(request).includes(2) ? 422 : 200));
  await using opened = await openHttpRequest({ endpoint: server.origin });
  const { session, warnings } = opened;
  const refused = {
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(
      /^the record with id 2 was refused: POST .* answered with status 422: ".*no good/,
    ),
    hint: expect.stringContaining("onError: deadLetter"),
    details: { status: 422 },
  };
  await expect(session.write({ records: ids(1, 2, 3) })).rejects.toMatchObject(refused);
  expect(server.seen.map(idsIn)).toEqual([[1], [2]]);
  expect(warnings).toEqual([]);
  await expect(session.commit(commit)).rejects.toMatchObject(refused);
});

test("onError skip: refused records are left out and counted, the others arrive", async () => {
  const server = await startAnswering((request) => ((idsIn(request)[0] ?? 0) % 2 === 0 ? 422 : 200));
  const result = await writeOnce({ endpoint: server.origin, onError: "skip" }, ids(1, 2, 3, 4));
  expect(result).toMatchObject({ written: 2, error: null });
  expect(result.warnings).toEqual([
    expect.stringMatching(/^RECORDS_SKIPPED: skipped the record with id 2: .*status 422/),
    expect.stringMatching(/^RECORDS_SKIPPED: skipped the record with id 4: .*status 422/),
  ]);
});

test("onError deadLetter: refused records are in the file, with the answer, after the commit", async () => {
  const path = join(dirname(freshDeadLetterPath()), "new", "failed.jsonl");
  const server = await startAnswering((request) => (idsIn(request).includes(2) ? 422 : 200));
  const keys: HttpRequestKeys = { endpoint: server.origin, onError: "deadLetter", deadLetter: { path } };
  const record = { id: 2, exact: new ExactNumber("9007199254740993") };
  const result = await writeOnce(keys, [{ id: 1 }, record, { id: 3 }]);
  expect(result).toMatchObject({ written: 2, error: null });
  expect(result.warnings).toEqual([
    expect.stringMatching(
      /^RECORDS_DEAD_LETTERED: wrote the record with id 2.* to .*failed\.jsonl: POST .*422/,
    ),
  ]);
  expect(readFileSync(path, "utf8")).toContain('"record":{"id":2,"exact":9007199254740993}}\n');
  expect(deadLettersIn(path)).toEqual([
    {
      time: "2026-01-01T00:00:00.000Z",
      pipeline: "events",
      connector: "acme",
      stream: "events",
      partition: null,
      run: "run-1",
      stage: "output",
      by: "httpRequest",
      cursor: null,
      code: "OUTPUT_FAILED",
      field: null,
      status: 422,
      reason: expect.stringContaining("answered with status 422"),
      id: expect.stringMatching(/^[\w-]{22}$/),
      record: expect.objectContaining({ id: 2 }),
    },
  ]);
});

test("a record that no request can be made of is refused without a status", async () => {
  const path = freshDeadLetterPath();
  const server = await startAnswering(() => 200);
  const keys: HttpRequestKeys = {
    endpoint: `${server.origin}/items/{{ id }}`,
    onError: "deadLetter",
    deadLetter: { path },
  };
  expect(await writeOnce(keys, [{ id: 1 }, { name: "no id" }, { id: 3 }])).toMatchObject({ written: 2 });
  expect(server.seen.map(({ url }) => url.pathname)).toEqual(["/items/1", "/items/3"]);
  expect(deadLettersIn(path)).toMatchObject([{ status: null, record: { name: "no id" } }]);
});

test("a dead-letter file is added to, also behind a line that a crash cut short", async () => {
  const path = freshDeadLetterPath();
  appendFileSync(path, '{"whole":1}\n{"cut":');
  const server = await startAnswering(() => 422);
  const keys: HttpRequestKeys = { endpoint: server.origin, onError: "deadLetter", deadLetter: { path } };
  await using opened = await openHttpRequest(keys);
  const { session } = opened;
  await session.write({ records: ids(1) });
  await opened.commit();
  rmSync(path);
  await session.write({ records: ids(2) });
  await session.write({ records: ids(3) });
  await opened.commit();
  expect(deadLettersIn(path)).toMatchObject([{ record: { id: 2 } }, { record: { id: 3 } }]);
  appendFileSync(path, '{"cut":');
  await session.write({ records: ids(4) });
  await opened.commit();
  const lines = readFileSync(path, "utf8").split("\n");
  expect(lines[2]).toBe('{"cut":');
  expect(lines[3]).toMatch(/^\{"id":".*"record":\{"id":4\}\}$/);
});

test("P5: a dead-letter file that cannot be written fails the commit", async () => {
  const path = freshDeadLetterPath();
  const server = await startAnswering(() => 422);
  await using opened = await openHttpRequest({
    endpoint: server.origin,
    onError: "deadLetter",
    deadLetter: { path },
  });
  const { session } = opened;
  mkdirSync(path);
  const failed = { code: "OUTPUT_FAILED", message: expect.stringContaining("the dead-letter file") };
  expect(await session.write({ records: ids(1) })).toBe(0);
  await expect((async () => opened.commit())()).rejects.toMatchObject(failed);
});

test("with concurrency, so many requests are under way at once, and records of one key stay in order", async () => {
  let underWay = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const arrived: { key: number; version: number }[] = [];
  const server = await startAnswering(async ({ body }) => {
    arrived.push(JSON.parse(body));
    underWay += 1;
    most = Math.max(most, underWay);
    if (underWay === 4) gate.resolve();
    await gate.promise;
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return 200;
  });
  const records = Array.from({ length: 120 }, (_, index) => ({ key: index % 15, version: index }));
  const result = await writeOnce({ endpoint: server.origin, concurrency: 4, key: "key" }, records);
  expect(result).toMatchObject({ written: 120, error: null });
  expect(most).toBe(4);
  expect(arrived).toHaveLength(120);
  for (let key = 0; key < 15; key++) {
    const versions = arrived.filter((one) => one.key === key).map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(versions).toHaveLength(8);
  }
});

test("with concurrency, a failure stops the requests that are under way, and is what is thrown", async () => {
  const all = Promise.withResolvers<void>();
  const server = await startAnswering(async ({ body }, count) => {
    if (count === 3) all.resolve();
    if (JSON.parse(body).id !== 1) return new Promise<number>(() => {});
    await all.promise;
    return 401;
  });
  await using opened = await openHttpRequest({ endpoint: server.origin, concurrency: 3, key: "id" });
  const { session } = opened;
  await expect(session.write({ records: range(30) })).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    details: { status: 401 },
  });
  await expect(session.commit(commit)).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
  expect(server.seen).toHaveLength(3);
});

test("a record without the key by which requests are ordered is refused", async () => {
  const server = await startAnswering(() => 200);
  const keys: HttpRequestKeys = { endpoint: server.origin, concurrency: 2, key: "id", onError: "skip" };
  expect(await writeOnce(keys, [{ id: 1 }, { name: "x" }])).toMatchObject({ written: 1, error: null });
});

test("a signal stops a request under way, and nothing can be committed after it", async () => {
  const cancel = new AbortController();
  const server = await startAnswering((_, count) => {
    if (count === 2) cancel.abort(new Error("stopped"));
    return count === 2 ? new Promise<number>(() => {}) : 200;
  });
  await using opened = await openHttpRequest({ endpoint: server.origin }, { signal: cancel.signal });
  const { session } = opened;
  await expect(session.write({ records: ids(1, 2, 3) })).rejects.toThrow("stopped");
  await expect(session.commit(commit)).rejects.toThrow("stopped");
  expect(server.seen).toHaveLength(2);
});

test("P14: no secret reaches an error, a warning or the dead-letter file", async () => {
  const path = freshDeadLetterPath();
  const secrets = ["hunter2-bearer", "hunter2-header", "hunter2-query"];
  const server = await startHttpServer(({ url, headers }, response) => {
    response.statusCode = 422;
    response.end(`you sent ${url.href} with ${headers.authorization} and ${headers["x-api-key"]}`);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const keys: HttpRequestKeys = {
    endpoint: `${server.origin}/in?access_token=hunter2-query`,
    headers: { "X-Api-Key": "hunter2-header" },
    authentication: { type: "bearer", token: "hunter2-bearer" },
  };
  const { error } = await writeOnce(keys, ids(1));
  const dead = await writeOnce({ ...keys, onError: "deadLetter", deadLetter: { path } }, ids(1));
  const shown = [String(error), ...dead.warnings, readFileSync(path, "utf8")];
  expect(server.seen[0]?.headers.authorization).toBe("Bearer hunter2-bearer");
  for (const text of shown) {
    expect(text).toContain("you sent");
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
});
