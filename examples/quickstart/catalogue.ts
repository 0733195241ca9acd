import { readFile } from "node:fs/promises";
import { z } from "zod";

/**
 * The week that is replayed: every earthquake of the USGS feed from 31 January to 7 February 2018,
 * as the npm package `vega-datasets` ships it. Times are milliseconds since 1970.
 */
const dataset = new URL("../data/earthquakes.json", import.meta.resolve("vega-datasets"));

const featureSchema = z.looseObject({
  type: z.literal("Feature"),
  id: z.string(),
  properties: z.looseObject({
    mag: z.number(),
    place: z.string(),
    time: z.int(),
    updated: z.int(),
    status: z.string(),
    type: z.string(),
  }),
  geometry: z.looseObject({ coordinates: z.tuple([z.number(), z.number(), z.number()]) }),
});

const collectionSchema = z.object({
  metadata: z.object({ generated: z.int() }),
  features: z.array(featureSchema),
});

/** One earthquake, as GeoJSON has it. */
export type Feature = z.infer<typeof featureSchema>;

/** One state of an event, and when the catalogue begins to show it. */
export interface Version {
  readonly shownFrom: number;
  readonly feature: Feature;
}

export interface Adjustment {
  readonly id: string;
  /** What is not as it was in 2018, in a sentence. */
  readonly what: string;
}

/** What the catalogue holds over time: each event in one version, or in several that replace each other. */
export interface Catalogue {
  readonly versions: readonly Version[];
  /** When the feed was taken: from here on everything is shown. */
  readonly end: number;
  readonly adjustments: readonly Adjustment[];
}

/**
 * A feed holds each event once, as it stood at the end, so it cannot show what makes syncing hard.
 * Two events are therefore adjusted; the other 1,705 are as they were.
 *
 * `late` gets the very `updated` of another event, and is still shown no sooner than its own one:
 * it arrives after a sync has gone past that millisecond.
 */
const late = {
  id: "nc72964131",
  updated: Date.parse("2018-02-05T23:58:05.040Z"),
  what: "arrives late, with the very timestamp of the newest event before it",
} as const;

/** `revised` is shown in a first version as well, which is made up; the version that replaces it is not. */
const revised = {
  id: "us2000crmu",
  first: { updated: Date.parse("2018-01-31T07:28:00.040Z"), mag: 6.2, status: "automatic" },
  what: "is first shown unreviewed, with a magnitude of 6.2, and revised days later",
} as const;

/** The replayed week with its two adjustments. */
export async function loadCatalogue(): Promise<Catalogue> {
  const collection = collectionSchema.parse(JSON.parse(await readFile(dataset, "utf8")));
  return {
    versions: collection.features.flatMap(versionsOf),
    end: collection.metadata.generated,
    adjustments: [late, revised].map(({ id, what }) => ({ id, what })),
  };
}

function versionsOf(feature: Feature): Version[] {
  const { updated } = feature.properties;
  const original = { shownFrom: updated, feature };
  if (feature.id === late.id) return [{ ...original, feature: withProperties(feature, late) }];
  if (feature.id !== revised.id) return [original];
  const first = withProperties(feature, revised.first);
  return [{ shownFrom: revised.first.updated, feature: first }, original];
}

function withProperties(feature: Feature, changed: Partial<Feature["properties"]>): Feature {
  const { updated, mag, status } = { ...feature.properties, ...changed };
  return { ...feature, properties: { ...feature.properties, updated, mag, status } };
}

/** What the catalogue shows at a time: the newest version of each event that it shows by then. */
export function shownAt(catalogue: Catalogue, time: number): readonly Feature[] {
  const newest = new Map<string, Version>();
  for (const version of catalogue.versions) {
    const known = newest.get(version.feature.id);
    if (version.shownFrom > time || (known !== undefined && known.shownFrom > version.shownFrom)) continue;
    newest.set(version.feature.id, version);
  }
  return [...newest.values()].map(({ feature }) => feature);
}
