import fc from "fast-check";
import { expect, test } from "vitest";
import { play, type World, type WorldKind, worlds } from "../../../test/support/histories.ts";
import { historiesOr } from "../../../test/support/long-run.ts";
import { compareCursorValues } from "../../model/cursor.ts";

/** How many histories of each kind are played; fast-check prints the seed of one that fails. */
const histories = historiesOr(150);

const kinds: [string, WorldKind][] = [
  ["one window at a time", {}],
  ["slices side by side", { slices: true }],
  ["partitions", { partitions: true }],
  ["backfills beside it", { backfills: true }],
  ["sliced partitions with backfills", { slices: true, partitions: true, backfills: true }],
];

test.each(kinds)(
  "P1 P2 P3 P6 P8 P9 P11: over all orders, pagings, changes and interruptions no record is lost and none is repeated: %s",
  async (_, kind) => {
    await fc.assert(fc.asyncProperty(worlds(kind), holds), { numRuns: histories });
  },
  600_000,
);

async function holds(world: World): Promise<void> {
  const { rows, source, watermarks } = await play(world);
  const versions = rows.map((row) => `${row.id} ${row.updated_at} ${row.version}`);
  if (world.appends) expect(versions).toEqual([...new Set(versions)]);
  const newest = new Map(rows.map((row) => [row.id, row]));
  for (const record of source.records) {
    if (world.appends) expect(versions).toContain(`${record.id} ${record.updated_at} ${record.version}`);
    else expect(newest.get(record.id)).toEqual(record);
  }
  // The one thing that lets the watermark fall is a source that is not in the order it declares.
  if (world.order === "ascending" && world.reading.order === "shuffled") return;
  for (const [at, watermark] of watermarks.entries()) {
    const before = watermarks[at - 1] ?? null;
    if (before === null) continue;
    expect(compareCursorValues("timestamp_utc", watermark ?? "", before)).toBeGreaterThanOrEqual(0);
  }
}
