import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Catalogue, loadCatalogue, shownAt } from "./catalogue.ts";
import { startReplayServer } from "./replay-server.ts";

const answerSchema = z.object({
  type: z.literal("FeatureCollection"),
  metadata: z.looseObject({ count: z.int(), limit: z.int().optional(), offset: z.int().optional() }),
  features: z.array(
    z.looseObject({
      id: z.string(),
      properties: z.looseObject({ time: z.int(), updated: z.int(), mag: z.number() }),
    }),
  ),
});

const firstStop = Date.parse("2018-02-06T00:00:00Z");
const tie = "2018-02-05T23:58:05.040Z";
let catalogue: Catalogue;

beforeAll(async () => {
  catalogue = await loadCatalogue();
});

async function ask(endpoint: string, parameters: Record<string, string | number>) {
  const query = new URLSearchParams({ format: "geojson" });
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  const response = await fetch(`${endpoint}?${query}`);
  expect(response.status).toBe(200);
  return answerSchema.parse(await response.json());
}

const ids = (answer: z.infer<typeof answerSchema>): string[] => answer.features.map(({ id }) => id);

describe("the replayed catalogue", () => {
  it("ends with every event of the week once, all but the late one as they were", () => {
    const end = shownAt(catalogue, catalogue.end);
    expect(end).toHaveLength(1707);
    expect(new Set(end.map(({ id }) => id)).size).toBe(1707);
    expect(end.find(({ id }) => id === "us2000crmu")?.properties).toMatchObject({
      mag: 6.1,
      status: "reviewed",
    });
  });

  it("shows the late event only after a watermark that it ties with", () => {
    const before = shownAt(catalogue, firstStop);
    expect(Math.max(...before.map(({ properties }) => properties.updated))).toBe(Date.parse(tie));
    const tied = shownAt(catalogue, catalogue.end).filter(
      ({ properties }) => properties.updated === Date.parse(tie),
    );
    expect(tied).toHaveLength(2);
    expect(before.filter(({ properties }) => properties.updated === Date.parse(tie))).toHaveLength(1);
  });

  it("shows the revised event in its first version until it is revised", () => {
    const before = shownAt(catalogue, firstStop).filter(({ id }) => id === "us2000crmu");
    expect(before.map(({ properties }) => properties)).toMatchObject([{ mag: 6.2, status: "automatic" }]);
  });
});

describe("the replay server", () => {
  it("shows only what was updated by its clock, and more once the clock has moved", async () => {
    await using server = await startReplayServer(catalogue, firstStop);
    const before = await ask(server.endpoint, {});
    expect(before.metadata.count).toBe(1324);
    server.moveTo(catalogue.end);
    expect((await ask(server.endpoint, {})).metadata.count).toBe(1707);
    expect(server.shown()).toHaveLength(1707);
    expect(server.exchanges.map(({ events }) => events)).toEqual([1324, 1707]);
  });

  it("pages through everything once, with offsets from 1", async () => {
    await using server = await startReplayServer(catalogue, catalogue.end);
    const whole = await ask(server.endpoint, { orderby: "time" });
    const paged: string[] = [];
    for (let offset = 1; offset <= 1707; offset += 500) {
      const page = await ask(server.endpoint, { limit: 500, offset });
      expect(page.metadata).toMatchObject({ limit: 500, offset, count: page.features.length });
      paged.push(...ids(page));
    }
    expect(paged).toEqual(ids(whole));
  });

  it("leaves out what was updated at the very millisecond of `updatedafter`", async () => {
    await using server = await startReplayServer(catalogue, catalogue.end);
    const after = ids(await ask(server.endpoint, { updatedafter: tie }));
    const from = ids(await ask(server.endpoint, { updatedafter: "2018-02-05T23:58:05.039Z" }));
    expect(after).toHaveLength(383);
    expect(from.filter((id) => !after.includes(id)).sort()).toEqual(["ak18320787", "nc72964131"]);
  });

  it("bounds the time of origin, and takes times without a zone as UTC", async () => {
    await using server = await startReplayServer(catalogue, catalogue.end);
    const parameters = { starttime: "2018-02-01", endtime: "2018-02-02T00:00:00", orderby: "time-asc" };
    const times = (await ask(server.endpoint, parameters)).features.map(({ properties }) => properties.time);
    expect(times.length).toBeGreaterThan(100);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(Date.parse("2018-02-01T00:00:00Z"));
    expect(times.at(-1)).toBeLessThanOrEqual(Date.parse("2018-02-02T00:00:00Z"));
  });

  it.each([
    [
      "orderby=updated",
      'Bad orderby value "updated". Valid values are: "time", "time-asc", "magnitude", "magnitude-asc".',
    ],
    ["offset=0", 'Bad offset value "0". Valid values are 1 <= offset'],
    ["limit=20001", 'Bad limit value "20001". Valid values are 0 <= limit <= 20000'],
    ["updatedafter=yesterday", 'Bad updatedafter value "yesterday". Valid values are ISO-8601 timestamps.'],
    ["colour=red", 'Unknown parameter "colour".'],
    ["format=csv", 'Bad format value "csv". Valid values are: "geojson".'],
  ])("answers %s with status 400 and the reason", async (query, reason) => {
    await using server = await startReplayServer(catalogue, catalogue.end);
    const response = await fetch(
      `${server.endpoint}?format=geojson&${query}`.replace("format=geojson&format", "format"),
    );
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toContain("text/plain");
    expect(await response.text()).toContain(`Error 400: Bad Request\n\n${reason}\n`);
  });
});
