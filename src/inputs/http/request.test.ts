import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import type { ReadRequest, Window } from "../../engine/ports.ts";
import { parseJson } from "../../model/json.ts";

const startEmpty = (): Promise<HttpTestServer> =>
  startHttpServer((_request, response) => sendJson(response, "[]"));

/** Records were seen whose timestamps have three digits, in UTC. */
const milliseconds = new Set(["form:timestamp:0000-00-00T00:00:00.000Z"]);

/** The query of the first request, as a list of pairs, decoded. */
async function firstQuery(
  keys: Omit<HttpPollingKeys, "endpoint">,
  request: Partial<ReadRequest>,
  query = "",
  facts = milliseconds,
) {
  await using server = await startEmpty();
  const { error } = await readOnce({ endpoint: `${server.origin}/events${query}`, ...keys }, request, facts);
  expect(error).toBeNull();
  return [...(server.seen[0]?.url.searchParams ?? [])];
}

const from = (type: NonNullable<Window["lower"]>["type"], value: string): Partial<ReadRequest> => ({
  window: { lower: { type, value }, upper: null },
});

const timestamp = { field: "t", queryParam: "since" } as const;
const id = { field: "id", queryParam: "after_id" } as const;

describe("bounds", () => {
  test("the first run sends none", async () => {
    expect(
      await firstQuery({ statePersistence: { timestamp, id, until: { queryParam: "to" } } }, {}),
    ).toEqual([]);
  });

  test.each([
    ["inclusive", undefined, "2026-01-01T00:00:00.500Z"],
    ["exclusive", undefined, "2026-01-01T00:00:00.499Z"],
    ["exclusive", "iso8601", "2026-01-01T00:00:00.499Z"],
    ["inclusive", "epoch_s", "1767225600"],
    ["exclusive", "epoch_s", "1767225599"],
    ["inclusive", "epoch_ms", "1767225600500"],
    ["exclusive", "epoch_ms", "1767225600499"],
    ["inclusive", "dd/MM/yyyy HH:mm:ss", "01/01/2026 00:00:00"],
  ] as const)("a timestamp, %s, in %s", async (bound, queryFormat, expected) => {
    const lower = from("timestamp_utc", "2026-01-01T00:00:00.5Z");
    expect(
      await firstQuery({ statePersistence: { timestamp: { ...timestamp, bound, queryFormat } } }, lower),
    ).toEqual([["since", expected]]);
  });

  test("a pattern is written in its time zone", async () => {
    const local = {
      ...timestamp,
      queryFormat: "yyyy-MM-dd HH:mm",
      timezone: "America/New_York",
      bound: "inclusive",
    } as const;
    const lower = from("timestamp_utc", "2026-01-01T00:00:00Z");
    expect(await firstQuery({ statePersistence: { timestamp: local } }, lower)).toEqual([
      ["since", "2025-12-31 19:00"],
    ]);
  });

  test.each([
    ["inclusive", "9007199254740993"],
    ["exclusive", "9007199254740992"],
  ] as const)("P7: an id past 2^53 is sent with every digit, %s", async (bound, expected) => {
    const lower = from("numeric_id", "9007199254740993");
    expect(await firstQuery({ statePersistence: { id: { ...id, bound } } }, lower)).toEqual([
      ["after_id", expected],
    ]);
  });

  test("next to a secondary cursor the leading bound is lowered even where it is inclusive", async () => {
    const both = {
      timestamp: { ...timestamp, bound: "inclusive" },
      id: { ...id, bound: "inclusive" },
    } as const;
    const lower = from("timestamp_utc", "2026-01-01T00:00:00Z");
    expect(
      await firstQuery({ statePersistence: both }, { ...lower, secondaryCursors: { id: "77" } }),
    ).toEqual([
      ["since", "2025-12-31T23:59:59.999Z"],
      ["after_id", "77"],
    ]);
    expect(await firstQuery({ statePersistence: both }, lower)).toEqual([
      ["since", "2026-01-01T00:00:00.000Z"],
    ]);
  });

  test("the upper bound never cuts off what it bounds, whether the source compares strictly or not", async () => {
    const window: Window = {
      lower: null,
      upper: { type: "timestamp_utc", value: "2026-01-01T00:00:00.25Z" },
    };
    const sent = async (keys: object): Promise<string | undefined> => {
      const statePersistence = { timestamp, until: { queryParam: "to", ...keys } };
      return (await firstQuery({ statePersistence }, { window }))[0]?.[1];
    };
    expect(await sent({})).toBe("2026-01-01T00:00:00.251Z");
    expect(await sent({ bound: "inclusive" })).toBe("2026-01-01T00:00:00.250Z");
    expect(await sent({ format: "epoch_s" })).toBe("1767225601");
    expect(await sent({ format: "epoch_s", bound: "inclusive" })).toBe("1767225601");
  });

  test("an id has an upper bound too", async () => {
    const window: Window = { lower: null, upper: { type: "numeric_id", value: "9007199254740993" } };
    const exclusive = { id, until: { queryParam: "to" } };
    expect(await firstQuery({ statePersistence: exclusive }, { window })).toEqual([
      ["to", "9007199254740994"],
    ]);
    const inclusive = { id, until: { queryParam: "to", bound: "inclusive" } } as const;
    expect(await firstQuery({ statePersistence: inclusive }, { window })).toEqual([
      ["to", "9007199254740993"],
    ]);
  });

  test("a leading offset is where paging begins, and pages by itself", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      const offset = Number(url.searchParams.get("offset"));
      sendJson(response, offset < 44 ? [{ at: offset }, { at: offset + 1 }] : []);
    });
    const statePersistence = { offset: { queryParam: "offset" } };
    const { records } = await readOnce({ endpoint: server.origin, statePersistence }, from("offset", "40"));
    expect(records.map(({ at }) => at)).toEqual([40, 41, 42, 43]);
    expect(server.seen.map(({ url }) => url.search)).toEqual(["?offset=40", "?offset=42", "?offset=44"]);
  });

  test("an offset next to another cursor counts within the window, from 0", async () => {
    const statePersistence = {
      timestamp: { ...timestamp, bound: "inclusive" },
      offset: { queryParam: "o" },
    } as const;
    const request = { ...from("timestamp_utc", "2026-01-01T00:00:00Z"), secondaryCursors: { offset: "500" } };
    expect(await firstQuery({ statePersistence }, request)).toEqual([
      ["since", "2026-01-01T00:00:00.000Z"],
      ["o", "0"],
    ]);
  });
});

describe("parameters", () => {
  test("join the endpoint's own query, win over it, and are encoded", async () => {
    const lower = from("timestamp_utc", "2026-01-01T00:00:00Z");
    const keys: Omit<HttpPollingKeys, "endpoint"> = {
      queryParams: { kind: ["a b", "c&d"], "filter[x]": "ü+", count: 5, deep: true },
      statePersistence: { timestamp: { ...timestamp, bound: "inclusive" } },
    };
    expect(await firstQuery(keys, lower, "?since=2020-01-01&kind=old&x=1%2B1")).toEqual([
      ["x", "1+1"],
      ["kind", "a b"],
      ["kind", "c&d"],
      ["filter[x]", "ü+"],
      ["count", "5"],
      ["deep", "true"],
      ["since", "2026-01-01T00:00:00.000Z"],
    ]);
  });

  test("a declared parameter of a bound's name is sent in its place on the first run", async () => {
    const keys = { queryParams: { since: "2020-01-01" }, statePersistence: { timestamp } };
    expect(await firstQuery(keys, {})).toEqual([["since", "2020-01-01"]]);
  });
});

describe("bodies", () => {
  async function firstRequest(keys: Omit<HttpPollingKeys, "endpoint">, request: Partial<ReadRequest> = {}) {
    await using server = await startEmpty();
    const { error } = await readOnce({ endpoint: server.origin, ...keys }, request);
    expect(error).toBeNull();
    return server.seen[0];
  }

  test("P7: an object is sent as JSON, with bounds and paging at their paths, numbers as numbers with every digit", async () => {
    const seen = await firstRequest(
      {
        method: "POST",
        body: { query: { status: "open" }, page: { size: 1 } },
        paramsIn: "body",
        pagination: { type: "page", param: "page.number", limitParam: "page.size", limit: 50 },
        statePersistence: { id: { ...id, queryParam: "query.after", bound: "inclusive" } },
      },
      from("numeric_id", "123456789012345678901"),
    );
    expect(seen).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
    expect(seen?.url.search).toBe("");
    expect(seen?.body).toBe(
      '{"query":{"status":"open","after":123456789012345678901},"page":{"size":50,"number":1}}',
    );
  });

  test("with parameters in the query the body stays as declared", async () => {
    const keys = {
      method: "POST",
      body: { a: 1 },
      headers: { "Content-Type": "application/vnd.api+json" },
      statePersistence: { id: { ...id, bound: "inclusive" } },
    } as const;
    const seen = await firstRequest(keys, from("numeric_id", "7"));
    expect([seen?.url.search, seen?.body]).toEqual(["?after_id=7", '{"a":1}']);
    expect(seen?.headers["content-type"]).toBe("application/vnd.api+json");
  });

  test("a text is sent as it is", async () => {
    const seen = await firstRequest({
      method: "POST",
      body: "<query/>",
      headers: { "content-type": "text/xml" },
    });
    expect([seen?.body, seen?.headers["content-type"]]).toEqual(["<query/>", "text/xml"]);
  });

  test("a page token goes into the body as text, and does not stay there", async () => {
    await using server = await startHttpServer(({ body }, response) => {
      const sent = parseJson(body);
      const token = typeof sent === "object" && sent !== null && "after" in sent ? sent.after : null;
      sendJson(response, { list: [{}], next: token === null ? "1" : token === "1" ? "2" : null });
    });
    await readOnce({
      endpoint: server.origin,
      method: "POST",
      paramsIn: "body",
      dataField: "list",
      pagination: { type: "cursor", param: "after", nextCursorField: "next" },
    });
    expect(server.seen.map(({ body }) => body)).toEqual(["{}", '{"after":"1"}', '{"after":"2"}']);
  });
});
