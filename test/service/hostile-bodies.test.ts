import { describe, expect, it } from "vitest";
import { openPostgresState } from "../../src/state/storage/postgres/postgres.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { exchange, rawProblem } from "./raw.ts";
import { done, problemIn, startService } from "./support.ts";

const suppliers = "/v1/streams/sap_eu/suppliers";
const begin = `${suppliers}/begin`;

describe("bodies", () => {
  it.each([
    ["no JSON", "{run", 400],
    ["a JSON text that goes on", "{} {}", 400],
    ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), 400],
    ["one name twice", '{"lease_seconds":60,"lease_seconds":86400}', 400],
    ["one name twice, once in escapes", '{"lease_seconds":60,"lease\\u005fseconds":86400}', 400],
    ["one name twice, deep inside", '{"metadata":{"a":[{"b":1,"c":{"b":2},"b":3}]}}', 400],
    ["one name twice in metadata, once in escapes", '{"metadata":{"a":1,"\\u0061":2}}', 400],
    ["a depth of 100,000", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 400],
    ["an unending object", '{"a":'.repeat(100_000), 400],
    ["a list", "[]", 422],
    ["a text", '"begin"', 422],
    ["null", "null", 422],
    ["an unknown field", '{"lease":60}', 422],
    ["__proto__", '{"__proto__":{"admin":true}}', 422],
    ["constructor", '{"constructor":{"prototype":{}}}', 422],
    ["text for a number", '{"lease_seconds":"60"}', 422],
    ["half a number", '{"lease_seconds":1.5}', 422],
    ["a number past 2^53", '{"lease_seconds":9007199254740993}', 422],
    ["a number past all", '{"lease_seconds":1e999}', 422],
    ["less than nothing", '{"lease_seconds":-1}', 422],
    ["an unknown cursor type", '{"cursor_type":"vector_clock"}', 422],
    ["a run id with U+0000", '{"run_id":"a\\u0000"}', 422],
    ["a run id of a path", '{"run_id":"../../etc"}', 422],
    ["an actor with half of a pair", '{"actor":"\\ud800"}', 422],
    ["an epoch that would leave none", '{"epoch_floor":9007199254740991}', 422],
  ])("a begin with %s is refused with %s", async (_, raw, status) => {
    const service = await startService();
    const told = problemIn(await service.ask("POST", begin, { raw }));
    expect(told).toMatchObject({ status, code: "INVALID_REQUEST" });
    expect(told.detail.length).toBeLessThan(2500);
    expect(await service.state.get({ connector: "sap_eu", stream: "suppliers" })).toBeNull();
  });

  it.each([
    ["an unknown type", "text/plain", 415],
    ["a form", "application/x-www-form-urlencoded", 415],
    ["a type that only begins so", "application/jsonx", 415],
    ["a declared character set", "application/json; charset=utf-8", 200],
    ["JSON of a kind", "application/vnd.tidemark+json", 200],
  ])("a body by %s is answered %i", async (_, type, status) => {
    const service = await startService();
    const answered = await service.ask("POST", begin, { raw: "{}", headers: { "content-type": type } });
    expect(answered.status).toBe(status);
    if (status !== 200) expect(problemIn(answered).code).toBe("MEDIA_TYPE_UNSUPPORTED");
  });

  it("a body past the limit is refused, declared or not, and the service goes on", async () => {
    const service = await startService();
    const large = `{"actor":"${"x".repeat(1024 * 1024)}"}`;
    const declared = await service.ask("POST", begin, { raw: large });
    expect(problemIn(declared)).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
    const chunk = `${(65_536).toString(16)}\r\n${"x".repeat(65_536)}\r\n`;
    const head = `POST ${begin} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.admin}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await exchange(service, [head, ...Array<string>(40).fill(chunk)]);
    expect(rawProblem(answer)).toEqual({ status: 413, code: "BODY_TOO_LARGE" });
    done(await service.ask("GET", "/readyz"));
  });

  it.each([
    ["quotes that are escaped", `{${'"\\'.repeat(500_000)}`],
    ["a string without end", `{"${"\\\\".repeat(500_000)}`],
    ["objects in objects", '{"a":'.repeat(200_000)],
  ])("a body of a megabyte is refused at once, and the service answers meanwhile: %s", async (_, raw) => {
    const service = await startService();
    const from = performance.now();
    const [told] = await Promise.all([
      service.ask("POST", begin, { raw }),
      service.ask("GET", "/healthz").then((answered) => expect(answered.status).toBe(200)),
    ]);
    expect(problemIn(told)).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
    expect(performance.now() - from).toBeLessThan(2000);
  });

  it("many wrong fields are reported by the first few", async () => {
    const service = await startService();
    const body = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`field_${n}`, n]));
    const told = problemIn(await service.ask("POST", begin, { body }));
    expect(told.status).toBe(422);
    expect(JSON.stringify(told).length).toBeLessThan(6000);
  });

  it("a position of a million wrong entries is refused without taking the service along", async () => {
    const service = await startService();
    const run = done(await service.ask("POST", begin, { body: { cursor_type: "numeric_id" } }));
    const position = `{"format":3,"watermark":"1","companions":{},"window":null,"coverage":[],"tieSet":[${"1,".repeat(3_000_000)}1]}`;
    const raw = `{"run_id":"${run.run_id}","epoch":1,"sequence":1,"position":${position}}`;
    const told = problemIn(await service.ask("POST", `${suppliers}/checkpoint`, { raw }));
    expect(told.status).toBe(422);
    expect(JSON.stringify(told).length).toBeLessThan(6000);
  });

  it("a position that is none, or of a later format, is the request's fault", async () => {
    const service = await startService();
    const run = done(await service.ask("POST", begin, { body: { cursor_type: "numeric_id" } }));
    const named = { run_id: run.run_id, epoch: 1 };
    for (const [position, code] of [
      [{ format: 1, watermark: 5 }, "STATE_UNREADABLE"],
      [{ format: 99 }, "STATE_TOO_NEW"],
      [{ format: 0 }, "INVALID_REQUEST"],
    ] as const) {
      for (const [path, body] of [
        ["checkpoint", { ...named, sequence: 1, position }],
        ["complete", { ...named, position }],
        ["import", { state: { cursor_type: null, metadata: null, position }, reason: "test" }],
      ] as const) {
        expect(problemIn(await service.ask("POST", `${suppliers}/${path}`, { body }))).toMatchObject({
          status: 422,
          code,
        });
      }
    }
  });
});

it.each([{ max_age_days: 1e300 }, { max_age_days: -1 }, { keep_runs: 0.5 }, {}])(
  "a prune by %j is refused",
  async (body) => {
    const service = await startService();
    for (const path of ["/v1/prune", `${suppliers}/prune`]) {
      expect(problemIn(await service.ask("POST", path, { body }))).toMatchObject({ status: 422 });
    }
  },
);

describe("cursors that do not fit", () => {
  it.each([
    ["timestamp_utc", "tomorrow"],
    ["timestamp_utc", "2026-02-30T00:00:00Z"],
    ["numeric_id", "twelve"],
    ["numeric_id", "1e400000000"],
    ["offset", "-1"],
  ])("a %s of %s is a type mismatch, by checkpoint and by complete", async (cursor_type, value) => {
    const service = await startService();
    const run = done(await service.ask("POST", begin, { body: { cursor_type } }));
    const named = { run_id: run.run_id, epoch: 1, new_cursor_value: value };
    for (const [path, body] of [
      ["checkpoint", { ...named, sequence: 1 }],
      ["complete", named],
    ] as const) {
      expect(problemIn(await service.ask("POST", `${suppliers}/${path}`, { body }))).toMatchObject({
        status: 422,
        code: "CURSOR_TYPE_MISMATCH",
      });
    }
  });

  it("a run that does not say how far it came does not end", async () => {
    const service = await startService();
    const run = done(await service.ask("POST", begin));
    const named = { run_id: run.run_id, epoch: 1 };
    const told = problemIn(await service.ask("POST", `${suppliers}/complete`, { body: named }));
    expect(told).toMatchObject({ status: 422, code: "CURSOR_NOT_SET" });
    const onPurpose = { ...named, new_cursor_value: null };
    expect(done(await service.ask("POST", `${suppliers}/complete`, { body: onPurpose }))).toMatchObject({
      status: "completed",
      cursor_value: null,
    });
  });
});

describe("a run's requests", () => {
  it("take null for a field that may be left out", async () => {
    const service = await startService();
    const nothing = { kind: null, backfill: null, records_processed: null };
    const options = {
      if_running: null,
      lease_seconds: null,
      run_id: null,
      kind: null,
      owner: null,
      actor: null,
    };
    const run = done(await service.ask("POST", begin, { body: options }));
    const named = { ...nothing, run_id: run.run_id, epoch: run.epoch };
    const value = { new_cursor_value: "2026-03-01T08:00:00Z" };
    const midway = { ...named, ...value, sequence: 1, position: null, partitions: null, correction: null };
    done(await service.ask("POST", `${suppliers}/checkpoint`, { body: midway }));
    const heartbeat = { run_id: run.run_id, epoch: run.epoch, kind: null, backfill: null };
    done(await service.ask("POST", `${suppliers}/heartbeat`, { body: heartbeat }));
    const end = { ...named, ...value, position: null, partitions: null, metadata: null };
    expect(done(await service.ask("POST", `${suppliers}/complete`, { body: end }))).toMatchObject({
      status: "completed",
      cursor_value: value.new_cursor_value,
      records_processed: 0,
      metadata: null,
    });
    const next = done(await service.ask("POST", begin));
    const failure = { ...named, run_id: next.run_id, epoch: next.epoch, error_summary: "x", metadata: null };
    expect(done(await service.ask("POST", `${suppliers}/fail`, { body: failure }))).toMatchObject({
      status: "failed",
      metadata: null,
    });
  });

  it("complete once: with another cursor it is 409, with the same one harmless", async () => {
    const service = await startService();
    const run = done(await service.ask("POST", begin));
    const named = { run_id: run.run_id, epoch: run.epoch };
    const complete = (new_cursor_value: string | null) =>
      service.ask("POST", `${suppliers}/complete`, { body: { ...named, new_cursor_value } });
    const first = done(await complete("2026-03-01T08:00:00Z"));
    expect(done(await complete("2026-03-01T08:00:00Z"))).toEqual(first);
    expect(done(await complete(null))).toEqual(first);
    for (const other of ["2026-03-01T07:00:00Z", "2026-03-01T09:00:00Z"]) {
      expect(problemIn(await complete(other))).toMatchObject({ status: 409, code: "RUN_FINISHED" });
    }
    expect(done(await service.ask("GET", suppliers))).toEqual(first);
  });

  it("say of a number that is out of range what it is, and not what holds it", async () => {
    const service = await startService();
    const raw = '{"lease_seconds":9007199254740993,"run_id":12345678901234567890}';
    const { detail } = problemIn(await service.ask("POST", begin, { raw }));
    expect(detail).toMatch(/lease_seconds`: 9007199254740993 is out of range/);
    expect(detail).toMatch(/run_id`: Invalid input: expected string, received number/);
    expect(detail).not.toContain("ExactNumber");
  });
});

describe("an operator's act on a stream that is not stored", () => {
  it.each([
    ["reset", { reason: "test" }],
    ["reset", { reason: "test", new_cursor_value: null }],
    ["reset", { reason: "test", new_cursor_value: "2026-03-01T08:00:00Z" }],
    ["reset", { reason: "test", new_cursor_value: null, cursor_type: null }],
    ["reset", { reason: "test", partition: "a" }],
    ["rewind", { reason: "test", to_run_id: "monday" }],
  ])("by %s with %j is 404 and makes nothing", async (act, body) => {
    const service = await startService();
    const told = problemIn(await service.ask("POST", `/v1/streams/sap_eu/supliers/${act}`, { body }));
    expect(told).toMatchObject({ status: 404, code: "STREAM_NOT_FOUND", stream: "sap_eu/supliers" });
    expect(await service.state.list()).toEqual({ items: [], next: null });
    expect(await service.state.audit()).toEqual({ items: [], next: null });
  });

  it("that says the type of its cursors makes it", async () => {
    const service = await startService();
    const body = { reason: "moved from cron", new_cursor_value: "41", cursor_type: "numeric_id" };
    const made = done(await service.ask("POST", "/v1/streams/sap_eu/orders/reset", { body }));
    expect(made).toMatchObject({ status: "idle", cursor_value: "41", epoch: 1 });
  });
});

describe("text that databases are particular about", () => {
  it("goes through PostgreSQL unharmed, or is refused before it gets there", async () => {
    const database = await createTestDatabase();
    const state = await openPostgresState(database.url);
    try {
      const service = await startService({ state });
      const metadata = {
        nul: "a\0b",
        half: "\ud800",
        "nul \0": 1,
        "half \udc00": 2,
        ...JSON.parse('{"__proto__":{"admin":true}}'),
        "k\u00e9y": "🦉",
        big: "…",
        deep: [[[[{}]]]],
      };
      const raw = (epoch: number, run_id: unknown): string =>
        JSON.stringify({ run_id, epoch, new_cursor_value: null, metadata }).replace(
          '"…"',
          "12345678901234567890.5",
        );
      const run = done(await service.ask("POST", begin));
      const answered = await service.ask("POST", `${suppliers}/complete`, { raw: raw(1, run.run_id) });
      expect(answered.status).toBe(200);
      expect(answered.text).toContain("12345678901234567890.5");
      expect(JSON.parse(answered.text.replace("12345678901234567890.5", '"…"')).metadata).toEqual(metadata);
      for (const [epoch, error_summary, last_error] of [
        [2, "a\0b", "a\u{fffd}b"],
        [3, "\udc00", "\u{fffd}"],
        [4, "x".repeat(20_000), `${"x".repeat(9999)}…`],
      ]) {
        const { run_id } = done(await service.ask("POST", begin));
        const body = { run_id, epoch, error_summary };
        const failed = done(await service.ask("POST", `${suppliers}/fail`, { body }));
        expect(failed).toMatchObject({ status: "failed", last_error });
      }
      for (const new_cursor_value of ["a\0b", "\udc00"]) {
        const begun = done(
          await service.ask("POST", "/v1/streams/a/tokens/begin", { body: { cursor_type: "opaque_token" } }),
        );
        const body = { run_id: begun.run_id, epoch: begun.epoch, new_cursor_value };
        expect(problemIn(await service.ask("POST", "/v1/streams/a/tokens/complete", { body })).status).toBe(
          422,
        );
      }
    } finally {
      await state.close();
      await database.drop();
    }
  });
});
