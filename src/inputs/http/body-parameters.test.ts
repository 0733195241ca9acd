import { expect, test } from "vitest";
import { type HttpPollingKeys, readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { parseJson } from "../../model/json.ts";
import { httpPollingSchema } from "./schema.ts";

const search: Omit<HttpPollingKeys, "endpoint"> = {
  method: "POST",
  paramsIn: "body",
  body: {
    filterGroups: [{ filters: [{ propertyName: "modified", operator: "GTE", value: 0 }, { value: "kept" }] }],
    sorts: [{ propertyName: "modified" }],
  },
  statePersistence: {
    timestamp: {
      field: "modified",
      queryParam: "filterGroups.0.filters.0.value",
      queryFormat: "epoch_ms",
      bound: "inclusive",
    },
  },
};

test("a bound inside a list of the body is put there, and the rest of the body stays as it is written", async () => {
  await using server = await startHttpServer((_request, response) => sendJson(response, "[]"));
  const lower = { type: "timestamp_utc", value: "2026-01-01T00:00:00Z" } as const;
  const paging = { pagination: { type: "page", param: "sorts.0.page" } } as const;
  await readOnce({ endpoint: server.origin, ...search, ...paging }, { window: { lower, upper: null } });
  expect(parseJson(server.seen[0]?.body ?? "")).toEqual({
    filterGroups: [
      {
        filters: [{ propertyName: "modified", operator: "GTE", value: 1_767_225_600_000 }, { value: "kept" }],
      },
    ],
    sorts: [{ propertyName: "modified", page: 1 }],
  });
});

function problems(queryParam: string, more: object = {}): string[] {
  const timestamp = { field: "modified", queryParam };
  const parsed = httpPollingSchema.safeParse({
    ...search,
    type: "httpPolling",
    endpoint: "http://source.example",
    statePersistence: { timestamp },
    ...more,
  });
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

test.each([
  ["filterGroups.0.filters.2.value", "`2` is no place in a list of 2"],
  ["filterGroups.first.value", "`first` is no place in a list of 1"],
  ["filterGroups.0.filters.0.operator.x", "is text, not an object"],
  ["filterGroups.0.filters.0.value.x", "is a number, not an object"],
  ["filterGroups.0.filters", "would take the place of a list"],
  ["sorts.0", "would take the place of an object"],
  ["filters.0.value", "there is no list `filters`"],
  ["a..b", "is no dotted path"],
  ["__proto__.since", "cannot be a field's name"],
])("a parameter at %s is refused before anything is sent: %s", (queryParam, message) => {
  expect(problems(queryParam)).toEqual([expect.stringContaining(message)]);
});

test("a path that the body lacks is made of objects, and a text or null in its place is replaced", () => {
  expect(problems("filter.since")).toEqual([]);
  expect(problems("filter.since", { body: { filter: { since: null } } })).toEqual([]);
  expect(problems("filter.since", { body: { filter: null } })).toEqual([]);
  expect(problems("filter.since", { body: undefined })).toEqual([]);
});

test("paging parameters in a body are checked in the same way, and none may lie inside another", () => {
  const inside = { pagination: { type: "page", param: "sorts.4.page" } };
  expect(problems("filter.since", inside)).toEqual([expect.stringContaining("no place in a list of 1")]);
  const nested = { pagination: { type: "page", param: "filter.since.page" } };
  expect(problems("filter.since", nested)).toEqual([expect.stringContaining("lie one inside the other")]);
});
