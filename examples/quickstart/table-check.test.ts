import { expect, it } from "vitest";
import type { Feature } from "./catalogue.ts";
import { faultsOf, type Row } from "./table-check.ts";

const feature = (id: string, mag: number): Feature => ({
  type: "Feature",
  id,
  properties: { mag, place: "here", time: 1, updated: 2, status: "reviewed", type: "earthquake" },
  geometry: { coordinates: [1, 2, 3] },
});

const row = (id: string, magnitude: number): Row => ({
  id,
  magnitude,
  place: "here",
  occurred_ms: 1,
  updated_ms: 2,
  status: "reviewed",
  type: "earthquake",
  longitude: 1,
  latitude: 2,
  depth_km: 3,
});

it("finds nothing wrong with a table that holds every event once", () => {
  expect(faultsOf([row("b", 2), row("a", 1)], [feature("a", 1), feature("b", 2)])).toEqual([]);
});

it("names each event that was lost, doubled, left as it was, or never shown", () => {
  const rows = [row("doubled", 1), row("doubled", 1), row("stale", 1), row("unknown", 1)];
  const shown = [feature("lost", 1), feature("doubled", 1), feature("stale", 1.5)];
  expect(faultsOf(rows, shown)).toEqual([
    "lost is not in the table",
    "doubled is in the table 2 times",
    "stale has magnitude 1, not 1.5",
    "unknown is in the table and was never shown",
  ]);
});
