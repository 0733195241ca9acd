import { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";
import type { Feature } from "./catalogue.ts";

/** What the table holds of one event. */
export type Row = Readonly<Record<string, unknown>>;

/** Every row of the table, as it stands on disk. */
export function readTable(file: string): readonly Row[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const columns = Object.keys(columnsOf).join(", ");
    return database.prepare(`SELECT ${columns} FROM earthquakes`).all();
  } finally {
    database.close();
  }
}

/** The columns that the pipeline's mapping makes, and what each has to hold. */
const columnsOf = {
  id: ({ id }: Feature) => id,
  magnitude: ({ properties }: Feature) => properties.mag,
  place: ({ properties }: Feature) => properties.place,
  occurred_ms: ({ properties }: Feature) => properties.time,
  updated_ms: ({ properties }: Feature) => properties.updated,
  status: ({ properties }: Feature) => properties.status,
  type: ({ properties }: Feature) => properties.type,
  longitude: ({ geometry }: Feature) => geometry.coordinates[0],
  latitude: ({ geometry }: Feature) => geometry.coordinates[1],
  depth_km: ({ geometry }: Feature) => geometry.coordinates[2],
};

/**
 * What is wrong with the table, a line for each event: lost, held more than once, not as it is shown
 * now, or never shown at all. Empty where every event is there exactly once with its newest content.
 */
export function faultsOf(rows: readonly Row[], shown: readonly Feature[]): readonly string[] {
  const byId = Map.groupBy(rows, ({ id }) => id);
  const faults: string[] = [];
  for (const feature of shown) {
    const [row, ...more] = byId.get(feature.id) ?? [];
    byId.delete(feature.id);
    if (row === undefined) faults.push(`${feature.id} is not in the table`);
    else if (more.length > 0) faults.push(`${feature.id} is in the table ${more.length + 1} times`);
    else faults.push(...staleColumns(row, feature));
  }
  for (const id of byId.keys()) faults.push(`${String(id)} is in the table and was never shown`);
  return faults;
}

function staleColumns(row: Row, feature: Feature): readonly string[] {
  return Object.entries(columnsOf)
    .filter(([column, expected]) => !isDeepStrictEqual(row[column], expected(feature)))
    .map(([column, expected]) => `${feature.id} has ${column} ${row[column]}, not ${expected(feature)}`);
}
