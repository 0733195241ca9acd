import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

const rows = (count: number, crowd: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: at + 1,
    at: new Date(Date.parse("2026-03-01T00:00:00Z") + Math.floor(at / crowd) * 60_000).toISOString(),
  }));

interface Scene {
  readonly all: ReturnType<typeof rows>;
  readonly granted: number;
  readonly limit: number;
  readonly offsetParam?: string;
  /** Whether the source knows the offset, or gives its last page for one past the end. */
  readonly offsets?: "ignored" | "clamped";
}

async function seek(
  { all, granted, limit, offsetParam, offsets }: Scene,
  facts: ReadonlySet<string> = new Set(),
) {
  await using server = await startHttpServer(({ url }, response) => {
    const since = url.searchParams.get("since") ?? "";
    const left = all.filter(({ at }) => at >= since);
    const most = Math.max(0, left.length - granted);
    const asked = offsets === undefined ? 0 : Number(url.searchParams.get("skip") ?? "0");
    const from = offsets === "clamped" ? Math.min(asked, most) : 0;
    sendJson(response, left.slice(from, from + granted));
  });
  return await readOnce(
    {
      endpoint: server.origin,
      key: "id",
      pagination: {
        type: "seek",
        limitParam: "limit",
        limit,
        ...(offsetParam === undefined ? {} : { offsetParam }),
      },
      statePersistence: {
        timestamp: { field: "at", queryParam: "since", bound: "inclusive" },
        order: "ascending",
      },
    },
    {},
    facts,
  );
}

describe("P15: a seek behind whose page nothing is confirmed", () => {
  test("tells of an offset that the source ignores, where the repeated page is the first of its bound", async () => {
    const scene = {
      all: rows(55, 12),
      granted: 10,
      limit: 50,
      offsetParam: "skip",
      offsets: "ignored",
    } as const;
    const { warnings, messages } = await seek(scene);
    expect(warnings).toEqual(["END_UNCONFIRMED"]);
    expect(messages[0]).toMatch(/does not know `skip`/);
  });

  test("reports the same short page once", async () => {
    const scene = {
      all: rows(7, 12),
      granted: 10,
      limit: 50,
      offsetParam: "skip",
      offsets: "clamped",
    } as const;
    const first = await seek(scene);
    expect(first.warnings).toEqual(["END_UNCONFIRMED"]);
    expect((await seek(scene, first.facts)).warnings).toEqual([]);
  });

  test("tells nothing of a page that is known to be short", async () => {
    const scene = {
      all: rows(27, 2),
      granted: 10,
      limit: 10,
      offsetParam: "skip",
      offsets: "clamped",
    } as const;
    expect((await seek(scene)).warnings).toEqual([]);
  });

  test("knows by an earlier run that the source grants the limit", async () => {
    const first = await seek({ all: rows(50, 1), granted: 10, limit: 10 });
    expect(first.warnings).toEqual([]);
    const later = await seek({ all: rows(8, 8), granted: 10, limit: 10 }, first.facts);
    expect(later.warnings).toEqual([]);
    const unknown = await seek({ all: rows(8, 8), granted: 10, limit: 10 });
    expect(unknown.warnings).toEqual(["END_UNCONFIRMED"]);
  });
});
