import { describe, expect, it } from "vitest";
import { routePath } from "../../src/api/contracts/routes.ts";
import { rawAsk, rawJson, rawProblem } from "./raw.ts";
import { problemIn, startService } from "./support.ts";

const suppliers = "/v1/streams/sap_eu/suppliers";
const begin = `${suppliers}/begin`;

const oddNames = [
  "a/b",
  "a%2Fb",
  "..",
  ".",
  "../../v1/keys",
  "%2e%2e",
  "a b",
  "été",
  "日本語",
  "🦉",
  "begin",
  "a?b#c",
  "a;b=c",
  "a+b&c",
  "\\",
  "'\"; DROP TABLE tidemark_streams; --",
  "${HOME}",
  "x".repeat(200),
  "🦉".repeat(100),
];

describe("names", () => {
  it.each(oddNames)("%j names a stream of its own from begin to audit", async (name) => {
    const service = await startService();
    for (const key of [
      { connector: name, stream: "s" },
      { connector: "c", stream: name },
    ]) {
      const path = routePath("/v1/streams/{connector}/{stream}", key);
      const run = rawJson(await rawAsk(service, "POST", `${path}/begin`, "{}"));
      expect(run).toMatchObject(key);
      const body = JSON.stringify({ run_id: run.run_id, epoch: 1, new_cursor_value: "2026-01-01" });
      expect(rawJson(await rawAsk(service, "POST", `${path}/complete`, body))).toMatchObject(key);
      expect((await service.state.get(key))?.status).toBe("completed");
      expect(rawJson(await rawAsk(service, "GET", `${path}/audit`))).toMatchObject({ items: [key] });
    }
  });

  it.each([
    ["U+0000", "a%00b", 422],
    ["a line break", "a%0Ab", 422],
    ["no UTF-8", "%ff", 400],
    ["a cut escape", "%e2%82", 400],
    ["no escape", "%zz", 400],
    ["a lone percent sign", "%", 400],
    ["a surrogate as UTF-8", "%ed%a0%80", 400],
    ["spaces around it", "%20a%20", 422],
    ["201 characters", "x".repeat(201), 422],
    ["two dots that are no name", "..", 400],
    ["nothing", "", 404],
  ])("a name that is or holds %s is refused", async (_, segment, status) => {
    const service = await startService();
    const answer = await rawAsk(service, "POST", `/v1/streams/${segment}/s/begin`, "{}");
    expect(rawProblem(answer).status).toBe(status);
    expect((await service.state.list()).items).toEqual([]);
  });

  it.each([
    "//v1/streams",
    "/v1//streams",
    "/v1/streams/",
    "/V1/streams",
    "/v1/../v1/keys",
    "/./v1/streams",
    "/%76%31/streams",
  ])("%s is no way to a route", async (path) => {
    const service = await startService();
    expect(rawProblem(await rawAsk(service, "GET", path))).toEqual({ status: 404, code: "ROUTE_NOT_FOUND" });
  });
});

describe("queries", () => {
  it.each([
    "limit=0",
    "limit=1001",
    "limit=ten",
    "limit=1e9",
    "limit=",
    "limit=5&limit=6",
    "cursor=nonsense",
    "cursor=%00",
    `cursor=${"x".repeat(3000)}`,
    "include=everything",
    "unknown=1",
    "__proto__=1",
    "connector=%00",
  ])("a listing by %s is refused", async (query) => {
    const service = await startService();
    const told = problemIn(await service.ask("GET", `/v1/streams?${query}`));
    expect(told).toMatchObject({ status: 422, code: "INVALID_REQUEST" });
  });

  it.each([
    ["/v1/streams/a/b/runs", "cursor=-1"],
    ["/v1/streams/a/b/audit", "order=sideways"],
    ["/v1/streams/a/b/backfills", "limit=-1"],
    ["/v1/streams/a/b/coverage", "partition="],
    ["/v1/audit", "cursor=%7B%7D"],
  ])("%s by %s is refused", async (path, query) => {
    const service = await startService();
    const answered = await service.ask("GET", `${path}?${query}`);
    expect(problemIn(answered).status).toBe(422);
  });
});

it.each(["connector=%ff", "%zz=1", "limit=%"])("a query of %s is not even read", async (query) => {
  const service = await startService();
  expect(problemIn(await service.ask("GET", `/v1/streams?${query}`)).status).toBe(400);
});

describe("methods and addresses", () => {
  it.each([
    ["PUT", suppliers, 405, "GET, HEAD"],
    ["DELETE", suppliers, 405, "GET, HEAD"],
    ["GET", begin, 405, "POST"],
    ["PATCH", "/v1/keys", 405, "GET, HEAD, POST"],
    ["POST", "/healthz", 405, "GET, HEAD"],
    ["OPTIONS", "/v1/streams", 405, "GET, HEAD"],
    ["GET", "/v2/streams", 404, null],
    ["GET", "/", 404, null],
    ["GET", "/v1/streams/a/b/c", 404, null],
    ["GET", "/.env", 404, null],
  ])("%s %s is answered %i", async (method, path, status, allow) => {
    const service = await startService();
    const answered = await service.ask(method, path);
    expect(problemIn(answered).status).toBe(status);
    expect(answered.headers.get("allow")).toBe(allow);
  });

  it("HEAD is answered as GET is, without a body", async () => {
    const service = await startService();
    const answered = await service.ask("HEAD", "/v1/streams");
    expect(answered).toMatchObject({ status: 200, text: "" });
  });
});

it("no answer to any of it blames the service", async () => {
  const service = await startService();
  for (const name of oddNames)
    await rawAsk(service, "POST", `/v1/streams/${encodeURIComponent(name)}/s/fail`, '{"a":1}');
  expect(service.logged.filter(({ level }) => level === "error")).toEqual([]);
});
