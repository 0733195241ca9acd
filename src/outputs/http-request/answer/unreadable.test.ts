import type { ServerResponse } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type HttpRequestKeys,
  ids,
  idsIn,
  range,
  writeOnce,
  writeWithLetters,
} from "../../../../test/support/http-request.ts";
import {
  type HttpTestServer,
  type SeenRequest,
  startHttpServer,
} from "../../../../test/support/http-server.ts";

type Send = (response: ServerResponse, request: SeenRequest) => void;

async function start(send: Send): Promise<HttpTestServer> {
  const server = await startHttpServer((request, response) => send(response, request));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

const json = { "content-type": "application/json" };

/** Ways in which a target takes a request and its answer is lost. */
const lost: readonly [name: string, send: Send, why: string, more?: Partial<HttpRequestKeys>][] = [
  [
    "is cut off",
    (response) => {
      response.writeHead(200, { ...json, "content-length": "90" });
      response.write('{"id":', () => response.destroy());
    },
    "",
  ],
  [
    "is no gzip",
    (response) => void response.writeHead(200, { ...json, "content-encoding": "gzip" }).end("plain"),
    "gzip body is damaged",
  ],
  [
    "is in an unknown encoding",
    (response) => void response.writeHead(201, { ...json, "content-encoding": "zz" }).end("x"),
    "content encoding `zz`",
  ],
  [
    "is too large",
    (response) => void response.writeHead(200, json).end(`[${"1,".repeat(600)}1]`),
    "larger than 1000 bytes",
    { maxBodyBytes: 1000 },
  ],
  [
    "is broken JSON",
    (response) => void response.writeHead(200, json).end('{"id": 1'),
    "its JSON cannot be read",
  ],
  [
    "never ends",
    (response) => void response.writeHead(200, json).write("{"),
    "had not ended after 1 s",
    { totalTimeoutMs: 1000 },
  ],
];

describe("a 2xx counts as delivered where nothing needs its body", () => {
  test.each(lost)("and the body %s: sent once, with a warning", async (_, send, why, more) => {
    const server = await start(send);
    const result = await writeOnce({ endpoint: server.origin, ...more }, ids(1, 2));
    expect(result).toMatchObject({ written: 2, error: null, sleeps: [] });
    const warning = expect.stringMatching(
      /^ANSWER_UNREADABLE: .* answered with status 20[01], and its answer cannot be read: .*counts as delivered/,
    );
    expect(result.warnings).toEqual([warning, warning]);
    expect(result.warnings[0]).toContain(why);
    expect(server.seen.map(idsIn)).toEqual([[1], [2]]);
  });

  test("a refusal whose body is lost is a refusal, and a 503 is tried again", async () => {
    const gzip = { "content-encoding": "gzip" };
    const refusing = await start((response) => void response.writeHead(422, gzip).end("plain"));
    expect(await writeOnce({ endpoint: refusing.origin, onError: "skip" }, ids(1))).toMatchObject({
      written: 0,
      error: null,
    });
    const down = await start((response) => void response.writeHead(503, gzip).end("plain"));
    const { error } = await writeOnce({ endpoint: down.origin, onError: "skip", limitWaitMs: 0 }, ids(1));
    expect(error).toMatchObject({ code: "OUTPUT_UNAVAILABLE", details: { status: 503 } });
    expect(down.seen).toHaveLength(5);
  });

  test("a cancelled run is cancelled, also in the middle of an answer", async () => {
    const cancel = new AbortController();
    const server = await start((response) => {
      response.writeHead(200, json);
      response.write("{", () => cancel.abort(new Error("stop")));
    });
    const { error } = await writeOnce({ endpoint: server.origin }, ids(1), { signal: cancel.signal });
    expect(error).toMatchObject({ message: "stop" });
  });
});

describe("where the answer decides and cannot be read", () => {
  const answer = { refused: "errors" } as const;

  test.each(lost)(
    "since it %s: the record is not known to have arrived, and goes to onError",
    async (_, send, why, more) => {
      const server = await start((response, request) =>
        idsIn(request)[0] === 2 ? send(response, request) : void response.end("{}"),
      );
      const keys = { endpoint: server.origin, answer, retry: { attempts: 2 }, ...more };
      const { letters, ...result } = await writeWithLetters(keys, ids(1, 2, 3));
      expect(result).toMatchObject({ written: 2, error: null });
      const reason = expect.stringMatching(/cannot be read: .*Whether it arrived is not known$/);
      expect(letters).toEqual([
        expect.objectContaining({ record: { id: 2 }, code: "ANSWER_UNREADABLE", reason }),
      ]);
      expect(letters[0]?.reason).toContain(why);
      const isTooLarge = more?.maxBodyBytes !== undefined;
      expect(server.seen.map(idsIn)).toEqual(isTooLarge ? [[1], [2], [3]] : [[1], [2], [2], [3]]);
      const keysSent = server.seen
        .filter((request) => idsIn(request)[0] === 2)
        .map(({ headers }) => headers["idempotency-key"]);
      expect(new Set(keysSent).size).toBe(1);
    },
  );

  test("onError fail: the run fails and says so", async () => {
    const server = await start((response) => void response.writeHead(200, json).end("{"));
    const { error } = await writeOnce({ endpoint: server.origin, answer }, ids(1));
    expect(error).toMatchObject({
      code: "ANSWER_UNREADABLE",
      message: expect.stringMatching(/^the record with id 1 may or may not have arrived: POST/),
      hint: expect.stringMatching(/^See what keeps the endpoint's answers.*The next run sends it again/),
    });
  });

  test("one answer that is lost is made good by the next attempt", async () => {
    let count = 0;
    const server = await start(
      (response) => void response.writeHead(200, json).end(++count === 1 ? "{" : "{}"),
    );
    expect(await writeOnce({ endpoint: server.origin, answer }, ids(1))).toMatchObject({
      written: 1,
      warnings: [],
    });
  });

  test("a page for browsers is no answer, where a body is declared", async () => {
    const server = await start((response) => void response.end("<!DOCTYPE html><title>Log in</title>"));
    const result = await writeOnce({ endpoint: server.origin, answer, onError: "skip" }, ids(1));
    expect(result).toMatchObject({ written: 0, warnings: [expect.stringContaining("it is an HTML page")] });
  });

  test("`unreadable: success` has it count as delivered, with a warning", async () => {
    const server = await start((response) => void response.writeHead(200, json).end("{"));
    const keys = { endpoint: server.origin, answer: { ...answer, unreadable: "success" as const } };
    expect(await writeOnce(keys, ids(1))).toMatchObject({
      written: 1,
      warnings: [expect.stringContaining("ANSWER_UNREADABLE")],
    });
    expect(server.seen).toHaveLength(1);
  });

  test("an answer that is too large for a batch is asked for of its halves", async () => {
    const server = await start((response, request) => {
      const items = idsIn(request).map((id) => ({ id, ok: true, pad: "x".repeat(400) }));
      response.writeHead(200, json).end(JSON.stringify({ items }));
    });
    const keys: HttpRequestKeys = {
      endpoint: server.origin,
      maxBodyBytes: 1000,
      batch: { size: 4 },
      answer: { results: { list: "items", success: "ok" } },
    };
    expect(await writeOnce(keys, range(4))).toMatchObject({ written: 4, error: null });
    expect(server.seen.map(idsIn)).toEqual([
      [1, 2, 3, 4],
      [1, 2],
      [3, 4],
    ]);
  });
});
