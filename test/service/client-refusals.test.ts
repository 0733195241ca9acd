import type { ServerResponse } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { memoryKeys } from "../../src/api/keys/memory.ts";
import { KeyStore } from "../../src/api/keys/store.ts";
import { isTidemarkError, messageOf, type TidemarkError } from "../../src/errors.ts";
import { emptyPosition } from "../../src/model/position.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { type HttpStateOptions, openHttpState } from "../../src/state/storage/http/http.ts";
import { openState } from "../../src/state/storage/open.ts";
import { version } from "../../src/version.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../support/http-server.ts";
import { startService } from "./support.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const numeric = { cursorType: "numeric_id" } as const;
const byHand = { reason: "a test wants it", actor: "ada" };

function opened(url: string, options: HttpStateOptions = {}): StateStore {
  const store = openHttpState(url, { clock: new FakeClock(), ...options });
  onTestFinished(() => store.close());
  return store;
}

async function refusal(call: Promise<unknown>): Promise<TidemarkError> {
  try {
    await call;
  } catch (error) {
    if (isTidemarkError(error)) return error;
    throw error;
  }
  return expect.fail("nothing was refused");
}

describe("keys", () => {
  const keyFrom = "TIDEMARK_KEY";

  test("a missing, an unknown, an expired and a revoked key are distinguished, with where to fix it", async () => {
    const clock = new FakeClock();
    const keys = new KeyStore(memoryKeys(), clock);
    const { url } = await startService({ keys, clock });
    const { key: old } = await keys.create(
      { scope: "run", expiresAtUtc: "2026-01-01T01:00:00.000Z" },
      "test",
    );
    const lost = await keys.create({ scope: "run" }, "test");
    await keys.revoke(lost.id, "test");
    const missing = await refusal(opened(url).get(key));
    expect(missing).toMatchObject({ code: "UNAUTHORIZED", recoverable: false });
    expect(missing.message).toBe(`the state service at ${url} wants an API key, and none is given`);
    expect(missing.hint).toMatch(/TIDEMARK_KEY.*tidemark keys create/);
    await opened(url, { key: old, keyFrom }).get(key);
    await clock.advance(3_600_000);
    for (const [wrong, why] of [
      ["tmk_0000000000000000_x", /is not known/],
      [old, /expired 2026-01-01T01:00:00.000Z/],
      [lost.key, /was revoked/],
    ] as const) {
      const error = await refusal(opened(url, { key: wrong, keyFrom }).get(key));
      expect(error).toMatchObject({ code: "UNAUTHORIZED", recoverable: false });
      expect(error.message).toMatch(/refused the key from TIDEMARK_KEY/);
      expect(error.message).toMatch(why);
      expect(error.hint).toMatch(/TIDEMARK_KEY/);
    }
  });

  test("the error for a key without access names the scope it lacks, or the connectors it is bound to", async () => {
    const service = await startService();
    const reader = opened(service.url, { key: await service.key("read") });
    expect(await reader.get(key)).toBeNull();
    const begin = await refusal(reader.begin(key, numeric));
    expect(begin.code).toBe("FORBIDDEN");
    expect(begin.message).toMatch(/needs the scope run.*has read/);
    const runner = opened(service.url, { key: await service.key("run", ["sap_*"]) });
    const run = await runner.begin(key, numeric);
    expect(await refusal(runner.reset(key, { to: null, ...byHand }))).toMatchObject({ code: "FORBIDDEN" });
    const other = await refusal(runner.begin({ ...key, connector: "acme" }, numeric));
    expect(other).toMatchObject({ code: "FORBIDDEN", hint: expect.stringContaining("sap_*") });
    await runner.complete(run, { newCursor: "1" });
    expect((await service.state.runs(key)).items[0]?.actor).toMatch(/^key_/);
  });

  test("a key may end with the line break of the file that it was in", async () => {
    const service = await startService();
    expect(await opened(service.url, { key: `${service.admin}\n` }).get(key)).toBeNull();
  });

  test("P14: a key is in nothing that is reported, whatever answers", async () => {
    const secret = "tmk_hunter2hunter2_averysecretpart";
    const echo: HttpHandler = ({ headers }, response) => {
      response.writeHead(418, { "content-type": "text/plain" });
      response.end(`you sent ${JSON.stringify(headers)}`);
    };
    await using server = await startHttpServer(echo);
    await using store = await openState(server.origin, { key: secret });
    const error = await refusal(store.get(key));
    expect(server.seen[0]?.headers.authorization).toBe(`Bearer ${secret}`);
    expect(
      `${error.message} ${error.hint} ${JSON.stringify(error.details)} ${messageOf(error.cause)}`,
    ).not.toMatch(/hunter2|verysecret/);
    const bad = await refusal(openState(server.origin, { key: `${secret} \u{1f989}` }));
    expect(bad.code).toBe("ARGUMENT_INVALID");
    expect(bad.message).not.toMatch(/hunter2/);
  });

  test("a key is sent to no other address", async () => {
    await using thief = await startHttpServer((_, response) => sendJson(response, {}));
    const redirect: HttpHandler = (_, response) => {
      response.writeHead(302, { location: `${thief.origin}/login` });
      response.end();
    };
    await using server = await startHttpServer(redirect);
    const error = await refusal(opened(server.origin, { key: "tmk_1234_5678" }).get(key));
    expect(error).toMatchObject({ code: "STATE_URL_INVALID", recoverable: false });
    expect(error.message).toContain(`redirects to ${thief.origin}/login`);
    expect(thief.seen).toEqual([]);
  });
});

const run = {
  ...key,
  run_id: "r1",
  epoch: 1,
  kind: "live",
  cursor_type: "numeric_id",
  lower_bound_cursor: null,
  lease_seconds: 60,
  started_at_utc: "2026-01-01T00:00:00.000Z",
  superseded_run_id: null,
  position: { format: 3, ...emptyPosition },
  position_tag: { epoch: 0, sequence: 0 },
};

/** A service that answers begin with this and that, and `/healthz` with a version. */
function answering(theirs: string, answer: (response: ServerResponse) => void): HttpHandler {
  return ({ url }, response) => {
    if (url.pathname === "/healthz") sendJson(response, { status: "alive", version: theirs });
    else answer(response);
  };
}

function problem(response: ServerResponse, status: number, code: string, more: object = {}): void {
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(
    JSON.stringify({
      type: "t",
      title: "t",
      status,
      code,
      detail: "so it is",
      hint: "h",
      recoverable: false,
      ...more,
    }),
  );
}

describe("services of another version", () => {
  const unrecognized = { problems: [{ path: "body", message: 'Unrecognized key: "epoch_floor"' }] };
  const cases: [what: string, answer: (response: ServerResponse) => void, same: object][] = [
    [
      "lack the route",
      (response) => problem(response, 404, "ROUTE_NOT_FOUND"),
      { code: "ROUTE_NOT_FOUND", message: "so it is" },
    ],
    [
      "do not know a field that is sent",
      (response) => problem(response, 422, "INVALID_REQUEST", { details: unrecognized }),
      { code: "ARGUMENT_INVALID", message: "so it is" },
    ],
    [
      "leave a field out",
      (response) => sendJson(response, { ...run, epoch: undefined }),
      { code: "STATE_UNREADABLE", message: expect.stringContaining("epoch") },
    ],
    [
      "refuse with a code of their own",
      (response) => problem(response, 409, "MOON_FULL"),
      { code: "STATE_UNAVAILABLE", message: expect.stringContaining("MOON_FULL: so it is") },
    ],
  ];
  for (const [what, answer, same] of cases) {
    test(`that ${what}: both versions are reported`, async () => {
      for (const [theirs, word] of [
        ["0.0.9", "older"],
        ["999.0.0", "newer"],
      ] as const) {
        await using server = await startHttpServer(answering(theirs, answer));
        const error = await refusal(opened(server.origin).begin(key, { ...numeric, runId: "r1" }));
        expect(error).toMatchObject({
          code: "SERVICE_INCOMPATIBLE",
          details: { service_version: theirs, client_version: version() },
        });
        expect(error.message).toMatch(new RegExp(`Tidemark ${theirs}, ${word} than this ${version()}`));
      }
      await using server = await startHttpServer(answering(version(), answer));
      const error = await refusal(opened(server.origin).begin(key, { ...numeric, runId: "r1" }));
      expect(error).toMatchObject(same);
    });
  }

  test("a field more than this client knows does no harm", async () => {
    const more = { ...run, weather: "fine" };
    await using server = await startHttpServer(answering("999.0.0", (response) => sendJson(response, more)));
    const granted = await opened(server.origin).begin(key, { ...numeric, runId: "r1" });
    expect(granted.epoch).toBe(1);
  });
});

describe("what is no answer of a service's", () => {
  const html = "<!doctype html><title>502 Bad Gateway</title><p>nginx";
  const page = (status: number) => (response: ServerResponse) => {
    response.writeHead(status, { "content-type": "text/html" });
    response.end(html);
  };
  const cases: [what: string, answer: (response: ServerResponse) => void, error: object, message: RegExp][] =
    [
      [
        "a page with status 200",
        page(200),
        { code: "STATE_UNAVAILABLE", recoverable: false, details: { status: 200 } },
        /no Tidemark service: status 200: "<!doctype html><title>502 Bad Gateway/,
      ],
      ["a page with status 404", page(404), { code: "STATE_UNAVAILABLE", recoverable: false }, /status 404/],
      ["a page with status 500", page(500), { code: "STATE_UNAVAILABLE", recoverable: true }, /status 500/],
      [
        "JSON of another form",
        (response) => sendJson(response, { error: "no such thing" }),
        { code: "STATE_UNREADABLE", recoverable: false },
        /cannot be read/,
      ],
      [
        "another stream's answer",
        (response) => sendJson(response, { ...run, stream: "invoices" }),
        { code: "STATE_UNREADABLE" },
        /sap_eu\/invoices, not sap_eu\/suppliers/,
      ],
      [
        "another run's answer",
        (response) => sendJson(response, { ...run, run_id: "r2" }),
        { code: "STATE_UNREADABLE" },
        /run r2, not r1/,
      ],
      [
        "a run without its position",
        (response) => sendJson(response, { ...run, position: undefined }),
        { code: "STATE_UNREADABLE" },
        /position/,
      ],
      [
        "a position of a newer format",
        (response) => sendJson(response, { ...run, position: { format: 999 } }),
        { code: "STATE_TOO_NEW" },
        /format 999/,
      ],
      [
        "the service's own failure",
        (response) => problem(response, 500, "INTERNAL", { request_id: "abc" }),
        { code: "INTERNAL" },
        /so it is \(request abc\)/,
      ],
    ];
  test.each(cases)("P10: %s", async (_, answer, error, message) => {
    await using server = await startHttpServer(answering(version(), answer));
    const thrown = await refusal(opened(server.origin).begin(key, { ...numeric, runId: "r1" }));
    expect(thrown).toMatchObject(error);
    expect(thrown.message).toMatch(message);
    expect(server.seen.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  test("P10: a stream is taken for one that never began only where the service says so", async () => {
    await using server = await startHttpServer(answering(version(), page(404)));
    await expect(opened(server.origin).get(key)).rejects.toMatchObject({ code: "STATE_UNAVAILABLE" });
  });
});

test("a service may stand behind a prefix, and names are one segment of the path each", async () => {
  const { url, state, admin } = await startService();
  const paths: string[] = [];
  await using server = await startHttpServer(async (request, response) => {
    const { authorization = "" } = request.headers;
    const path = request.url.href.slice(request.url.origin.length);
    paths.push(path);
    const answer = await fetch(url + path.replace("/tidemark", ""), {
      method: request.method,
      headers: { authorization, "content-type": "application/json" },
      ...(request.body === "" ? {} : { body: request.body }),
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end(await answer.text());
  });
  const store = opened(`${server.origin}/tidemark/`, { key: admin });
  await store.begin({ connector: "a/b", stream: "c d?#%" }, numeric);
  expect(paths[0]).toMatch(/^\/tidemark\/v1\/streams\/a%2Fb\/c%20d%3F%23%25\/begin\?/);
  expect((await state.list()).items).toHaveLength(1);
});

test("names of dots are names", async () => {
  const { url, state, admin } = await startService();
  const store = opened(url, { key: admin });
  for (const name of [".", "..", "..."]) {
    const run = await store.begin({ connector: name, stream: ".." }, numeric);
    await store.complete(run, { newCursor: "1" });
    expect(await store.get({ connector: name, stream: ".." })).toEqual(
      await state.get({ connector: name, stream: ".." }),
    );
  }
});
