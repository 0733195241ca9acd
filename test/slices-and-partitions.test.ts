import { expect, it, onTestFinished } from "vitest";
import { createFolder, examplePath, openDatabase, runExample, tidemark } from "./support/example-run.ts";
import {
  range,
  type Source,
  type SourceAnswer,
  type SourceRequest,
  startSource,
} from "./support/example-source.ts";

const refused: SourceAnswer = { status: 401, json: '{"error":"no"}' };
const day = 86_400_000;

async function serve(answer: (request: SourceRequest) => SourceAnswer): Promise<Source> {
  const source = await startSource(answer);
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source;
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(".000", "");
}

it("http-slices.yaml reads week by week, keeps the weeks that were read, and goes on with the one that failed", async () => {
  const begin = Date.UTC(2026, 0, 1);
  // A week begins on Monday, so the first slice holds four days.
  const weeksSoFar = (): number => Math.floor((Date.now() - Date.UTC(2026, 0, 5)) / (7 * day)) + 1;
  // Two a day, the second one at its very end, so that many lie at the borders of weeks.
  const count = Math.floor((Date.now() - begin) / (day / 2));
  const readings = range(1, count).map((n) => ({
    meter: "a",
    at: iso(begin + (n * day) / 2 - 1000),
    value: n,
  }));
  let isBroken = true;
  const source = await serve(({ url, headers }) => {
    if (headers["x-api-key"] !== "meters-key") return refused;
    const from = url.searchParams.get("from") ?? "";
    const to = url.searchParams.get("to") ?? "";
    if (isBroken && to === "2026-02-16T00:00:00Z") {
      return { status: 400, json: '{"error":"this week is not to be had"}' };
    }
    const matching = readings.filter(({ at }) => at > from && at < to);
    const first = (Number(url.searchParams.get("page")) - 1) * 100;
    return { json: JSON.stringify({ readings: matching.slice(first, first + 100) }) };
  });
  const folder = await createFolder();
  const variables = { METERS_URL: source.origin, METERS_KEY: "meters-key" };
  const command = ["run", examplePath("http-slices.yaml"), "--json"];
  const before = weeksSoFar();
  const failed = await tidemark(folder, command, variables);
  expect([failed.code, failed.stderr]).toEqual([1, expect.any(String)]);
  const asked = (): number => new Set(source.requests.map(({ url }) => url.searchParams.get("from"))).size;
  const weeks = asked();
  // A week may have ended meanwhile.
  expect([before, weeksSoFar()]).toContain(weeks);

  const requests = source.requests.length;
  isBroken = false;
  const second = await runExample(folder, "http-slices.yaml", variables);
  const again = source.requests.slice(requests).map(({ url }) => url.searchParams);
  expect(second).toMatchObject({ status: "completed", records_written: 14 });
  // The second request confirms that nothing follows the short page.
  expect(again.map((asked) => [asked.get("from"), asked.get("to"), asked.get("page")])).toEqual([
    ["2026-02-08T23:59:58Z", "2026-02-16T00:00:00Z", "1"],
    ["2026-02-08T23:59:58Z", "2026-02-16T00:00:00Z", "2"],
  ]);

  const rows = openDatabase(folder, "meters.db").prepare("SELECT at, value FROM readings ORDER BY at").all();
  const monday = begin + (4 + (weeks - 1) * 7) * day;
  const over = readings.filter(({ at }) => Date.parse(at) < monday);
  expect(rows.map(({ value }) => value)).toEqual(over.map(({ value }) => value));
});

it("http-partitions.yaml reads every repository from its own place on, new ones from their beginning", async () => {
  const issues = new Map(
    ["acme/website", "acme/app", "acme/api"].map((name) => [
      name,
      range(1, 3).map((number) => ({ number, updated_at: iso(Date.UTC(2026, 0, number)) })),
    ]),
  );
  let broken: string | null = "acme/app";
  const source = await serve(({ url, headers }) => {
    if (headers.authorization !== "Bearer forge-token") return refused;
    if (url.pathname === "/orgs/acme/repos") {
      const names = url.searchParams.get("page") === "1" ? [...issues.keys()] : [];
      return { json: JSON.stringify(names.map((full_name) => ({ full_name }))) };
    }
    const name = /^\/repos\/(.*)\/issues$/.exec(url.pathname)?.[1] ?? "";
    if (name === broken) return { status: 403, json: "{}" };
    const since = url.searchParams.get("since") ?? "";
    return { json: JSON.stringify(issues.get(name)?.filter(({ updated_at }) => updated_at > since)) };
  });
  const folder = await createFolder();
  const variables = { FORGE_URL: source.origin, FORGE_TOKEN: "forge-token" };
  const command = ["run", examplePath("http-partitions.yaml"), "--json"];
  const failed = await tidemark(folder, command, variables);
  expect(failed.code).toBe(1);
  expect(failed.stdout + failed.stderr).toContain("acme/app");

  const count = (): unknown =>
    openDatabase(folder, "forge.db")
      .prepare("SELECT repository, count(*) AS issues FROM issues GROUP BY 1 ORDER BY 1")
      .all()
      .map(({ repository, issues: rows }) => [repository, rows]);
  expect(count()).toEqual([
    ["acme/api", 3],
    ["acme/website", 3],
  ]);

  broken = null;
  issues.set("acme/new", [{ number: 1, updated_at: "2025-01-01T00:00:00Z" }]);
  issues.get("acme/api")?.push({ number: 4, updated_at: "2026-01-04T00:00:00Z" });
  const second = await runExample(folder, "http-partitions.yaml", variables);
  expect(second).toMatchObject({ status: "completed", records_written: 5 });
  expect(count()).toEqual([
    ["acme/api", 4],
    ["acme/app", 3],
    ["acme/new", 1],
    ["acme/website", 3],
  ]);
});
