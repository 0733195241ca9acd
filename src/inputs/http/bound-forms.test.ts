import { expect, test } from "vitest";
import { type HttpPollingKeys, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { readCursorValue } from "../../model/cursor.ts";
import type { ResumePoint } from "../../model/position.ts";
import { isoFormat } from "../../model/timestamp.ts";

interface Row {
  readonly id: number | string;
  readonly at: string;
}

/** A source that keeps texts and compares them as such, as DynamoDB and SQLite do. */
function startTextSource(rows: readonly Row[], field: "at" | "id" = "at"): Promise<HttpTestServer> {
  return startHttpServer(({ url, body }, response) => {
    const asked = body === "" ? url.searchParams.get("since") : JSON.parse(body).since;
    const until = url.searchParams.get("until") ?? "~";
    const found = rows.filter((row) => String(row[field]) >= String(asked ?? "") && row[field] <= until);
    sendJson(
      response,
      found.toSorted((a, b) => (a[field] < b[field] ? -1 : 1)),
    );
  });
}

const timestamp = { field: "at", queryParam: "since" } as const;

/** What two runs read from a source: the first one's records, and what the second has above the watermark. */
async function readTwice(
  first: readonly Row[],
  later: readonly Row[],
  statePersistence: HttpPollingKeys["statePersistence"] = { timestamp, order: "ascending" },
): Promise<unknown[]> {
  const isId = statePersistence?.id !== undefined;
  const rows = [...first];
  await using server = await startTextSource(rows, isId ? "id" : "at");
  const { facts, records } = await readOnce({ endpoint: server.origin, statePersistence });
  const cursors = records.map(({ id, at }) =>
    isId ? readCursorValue("numeric_id", id, isoFormat) : readCursorValue("timestamp_utc", at, isoFormat),
  );
  rows.push(...later);
  const lower = {
    type: isId ? ("numeric_id" as const) : ("timestamp_utc" as const),
    value: cursors.at(-1) ?? "",
  };
  const again = await readOnce(
    { endpoint: server.origin, statePersistence },
    { window: { lower, upper: null } },
    facts,
  );
  return again.records.map(({ id }) => id);
}

test.each([
  ["2026-01-01T00:00:05.001Z", "2026-01-01T00:00:05.800Z"],
  ["2026-01-01T00:00:05.571Z", "2026-01-01T00:00:05.575Z"],
  ["2026-01-01T00:00:05.571Z", "2026-01-01T00:00:05.571Z"],
  ["2026-01-01T00:00:05.000000", "2026-01-01T00:00:05.000001"],
  ["2026-01-01 00:00:05", "2026-01-01 00:00:06"],
  ["2026-01-01T00:00:05.5+00:00", "2026-01-01T00:00:05.6+00:00"],
  ["2026-01-01T02:00:05+02:00", "2026-01-01T02:00:06+02:00"],
  ["2025-12-31T19:00:05-05:00", "2025-12-31T19:00:06-05:00"],
])("P7: after %s, a source that compares texts gives a record at %s", async (watermark, next) => {
  expect(await readTwice([{ id: 1, at: watermark }], [{ id: 2, at: next }])).toContain(2);
});

test.each([
  ["2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00"],
  ["2026-11-01T01:30:00-04:00", "2026-11-01T01:10:00-05:00"],
])(
  "P6: after %s, a source that compares texts gives a record at %s, when clocks were put back",
  async (watermark, next) => {
    expect(await readTwice([{ id: 1, at: watermark }], [{ id: 2, at: next }])).toContain(2);
  },
);

test("P6: a bound that is moved from page to page goes on through an hour that a source which compares texts gives again", async () => {
  const minute = (at: number): Row => ({
    id: at,
    at: `2026-07-01T${at < 60 ? "01" : "02"}:${String(at % 60).padStart(2, "0")}:00+02:00`,
  });
  const rows = Array.from({ length: 100 }, (_, at) => minute(at));
  const limit = 10;
  await using server = await startHttpServer(({ url }, response) => {
    const since = url.searchParams.get("since") ?? "";
    const skip = Number(url.searchParams.get("skip") ?? 0);
    sendJson(response, rows.filter(({ at }) => at >= since).slice(skip, skip + limit));
  });
  const statePersistence = { timestamp: { ...timestamp, granularity: "1s" }, order: "ascending" } as const;
  const pagination = { type: "seek", limit } as const;
  const { facts } = await readOnce({ endpoint: server.origin, statePersistence, pagination });
  const lower = { type: "timestamp_utc", value: "2026-07-01T00:39:00Z" } as const;
  rows.push(...Array.from({ length: 9 }, (_, at) => minute(100 + at)));
  const again = await readOnce(
    { endpoint: server.origin, statePersistence, pagination },
    { window: { lower, upper: null } },
    facts,
  );
  const read = again.records.map(({ id }) => Number(id));
  expect(again.error).toBeNull();
  expect(read).toEqual(expect.arrayContaining(Array.from({ length: 9 }, (_, at) => 100 + at)));
  expect(again.warnings).toEqual([]);
});

test("P7: a source that drops zeros at the end gives what lies above the watermark", async () => {
  const first = ["2026-01-01T00:00:05.5Z", "2026-01-01T00:00:05.571Z", "2026-01-01T00:00:06Z"];
  const rows = first.map((at, id) => ({ id, at }));
  expect(await readTwice(rows, [{ id: 9, at: "2026-01-01T00:00:06.0005Z" }])).toContain(9);
});

test.each([
  ["000009", "000010"],
  ["0099", "0100"],
])(
  "P7: ids with zeros in front are asked for with zeros in front: after %s comes %s",
  async (before, next) => {
    const statePersistence = { id: { field: "id", queryParam: "since" }, order: "ascending" } as const;
    expect(await readTwice([{ id: before, at: "" }], [{ id: next, at: "" }], statePersistence)).toContain(
      next,
    );
  },
);

test("P7: in a body, an id that records give as text with zeros in front is text as well", async () => {
  await using server = await startTextSource([{ id: "007", at: "" }], "id");
  await readOnce(
    {
      endpoint: server.origin,
      method: "POST",
      paramsIn: "body",
      statePersistence: { id: { field: "id", queryParam: "since", bound: "inclusive" } },
    },
    { window: { lower: { type: "numeric_id", value: "7" }, upper: null } },
    new Set(["form:id:000"]),
  );
  expect(server.seen[0]?.body).toBe('{"since":"007"}');
});

test("P7: an upper bound is sent so that a source which compares texts gives the last record below it", async () => {
  const rows = [
    { id: 1, at: "2026-01-01T00:00:05Z" },
    { id: 2, at: "2026-01-01T00:00:05.500Z" },
  ];
  await using server = await startTextSource(rows);
  const facts = new Set(["form:timestamp:0000-00-00T00:00:00Z", "form:timestamp:0000-00-00T00:00:00.000Z"]);
  const lower = { type: "timestamp_utc", value: "2026-01-01T00:00:00Z" } as const;
  const upper = { type: "timestamp_utc", value: "2026-01-01T00:00:05.500Z" } as const;
  for (const bound of ["inclusive", "exclusive"] as const) {
    const statePersistence = { timestamp, until: { queryParam: "until", bound } };
    const { records } = await readOnce(
      { endpoint: server.origin, statePersistence },
      { window: { lower, upper } },
      facts,
    );
    expect(records.map(({ id }) => id)).toEqual([2, 1]);
  }
});

test("a stream's forms are its facts, and a later run adds to them", async () => {
  await using server = await startTextSource([
    { id: 1, at: "2026-01-01T00:00:05.500Z" },
    { id: 2, at: "2026-01-01T00:00:06Z" },
  ]);
  const { facts } = await readOnce(
    { endpoint: server.origin, statePersistence: { timestamp } },
    {},
    new Set(["form:timestamp:0000-00-00 00:00:00"]),
  );
  expect([...facts].filter((fact) => fact.startsWith("form:")).sort()).toEqual([
    "form:timestamp:0000-00-00 00:00:00",
    "form:timestamp:0000-00-00T00:00:00.000Z",
    "form:timestamp:0000-00-00T00:00:00Z",
  ]);
});

test("P1: a read that goes on at a page sends the bound with which it began, whatever was learned since", async () => {
  const page = (at: string) => Array.from({ length: 2 }, (_, id) => ({ id, at }));
  await using server = await startHttpServer(({ url }, response) =>
    sendJson(response, url.searchParams.get("page") === "3" ? [] : page("2026-01-01T00:00:05.500Z")),
  );
  const keys: HttpPollingKeys = {
    endpoint: server.origin,
    pagination: { type: "page", param: "page" },
    statePersistence: { timestamp, resume: "page" },
  };
  const lower = { type: "timestamp_utc", value: "2026-01-01T00:00:00Z" } as const;
  const window = { lower, upper: null };
  const first = await readOnce(keys, { window });
  const resume: ResumePoint | null = first.pages[0]?.next ?? null;
  await readOnce(keys, { window, resume }, first.facts);
  const asked = server.seen.map(({ url }) => url.searchParams.get("since"));
  expect(new Set(asked)).toEqual(new Set(["2025-12-30T23:59:59Z"]));
});

test("a place that was kept without its bounds is not gone on at, since pages may have shifted", async () => {
  await using server = await startTextSource([]);
  const keys: HttpPollingKeys = {
    endpoint: server.origin,
    pagination: { type: "page", param: "page" },
    statePersistence: { timestamp, resume: "page" },
  };
  const window = { lower: { type: "timestamp_utc", value: "2026-01-01T00:00:00Z" } as const, upper: null };
  const { warnings } = await readOnce(keys, { window, resume: { kind: "page", token: "7" } });
  expect(warnings).toContain("RESUME_IGNORED");
  expect(server.seen[0]?.url.searchParams.get("page")).toBe("1");
});
