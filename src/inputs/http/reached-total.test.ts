import { describe, expect, test } from "vitest";
import { type HttpHandler, sendJson } from "../../../test/support/http-server.ts";
import {
  byOffset,
  byPage,
  idsOf,
  number,
  paged,
  read,
  rows,
  upTo,
} from "../../../test/support/paged-source.ts";

describe("P15: a total reached by full pages, and a refusal behind them", () => {
  const pagination = { ...byOffset, limit: 3, totalField: "total.value" } as const;
  const capped = (status: number, total: object): HttpHandler => {
    const rest = paged({ list: rows(6), more: () => ({ total }) });
    return (request, response) => {
      if (number(request, "offset") < 6) return rest(request, response);
      response.statusCode = status;
      return sendJson(response, { error: { reason: "Result window is too large" } });
    };
  };

  test.each([400, 422])("status %i fails: it may name a limit of how far one may read", async (status) => {
    const { error } = await read(capped(status, { value: 6 }), pagination);
    expect(error).toMatchObject({ code: "SOURCE_REFUSED", details: { status } });
  });

  test.each([404, 416])("status %i says that there is no such page", async (status) => {
    const result = await read(capped(status, { value: 6 }), pagination);
    expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(6), null, []]);
  });

  test("a total that says it stopped counting is none", async () => {
    const { error } = await read(capped(404, { value: 6, relation: "gte" }), pagination);
    expect(error).toMatchObject({ code: "SOURCE_REFUSED", details: { status: 404 } });
  });
});

test("an empty page in the middle that tells of more pages is reported", async () => {
  const filter = (row: object): boolean => !("id" in row && Number(row.id) > 3);
  const more = (): object => ({ meta: { last_page: 4 } });
  const told = await read(paged({ list: rows(12), filter, more }), { ...byPage, limit: 3 });
  expect([idsOf(told), told.error, told.warnings]).toEqual([upTo(3), null, ["MORE_PAGES_SHOWN"]]);
  const whole = await read(paged({ list: rows(12), more }), { ...byPage, limit: 3 });
  expect([idsOf(whole), whole.error, whole.warnings]).toEqual([upTo(12), null, []]);
});
