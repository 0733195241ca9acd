import { describe, expect, it } from "vitest";
import { openPostgresState } from "../../src/state/postgres/postgres.ts";
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

  it("many wrong fields are told by the first few", async () => {
    const service = await startService();
    const body = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`field_${n}`, n]));
    const told = problemIn(await service.ask("POST", begin, { body }));
    expect(told.status).toBe(422);
    expect(JSON.stringify(told).length).toBeLessThan(6000);
  });

  it("a position of a million wrong entries is refused without taking the service along", async () => {
    const service = await startService();
    const run = done(await service.ask("POST", begin, { body: { cursor_type: "numeric_id" } }));
    const position = `{"format":1,"watermark":"1","companions":{},"window":null,"coverage":[],"boundary":[${"1,".repeat(3_000_000)}1]}`;
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

describe("text that databases are particular about", () => {
  it("goes through PostgreSQL unharmed, or is refused before it gets there", async () => {
    const database = await createTestDatabase();
    const state = await openPostgresState(database.url);
    try {
      const service = await startService({ state });
      const metadata = { nul: "a\0b", half: "\ud800", "k\u00e9y": "🦉", big: "…", deep: [[[[{}]]]] };
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
      for (const error_summary of ["a\0b", "\udc00"]) {
        const body = { run_id: run.run_id, epoch: 1, error_summary };
        expect(problemIn(await service.ask("POST", `${suppliers}/fail`, { body })).status).toBe(422);
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
