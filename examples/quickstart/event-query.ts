import type { Feature } from "./catalogue.ts";

/** A query that the API answers with status 400; the message says which parameter and what it may be. */
export class BadRequest extends Error {}

/** One request to the event API, read and checked. Times are milliseconds since 1970. */
export interface EventQuery {
  readonly starttime: number;
  readonly endtime: number;
  readonly updatedafter: number | null;
  readonly orderby: keyof typeof orders;
  readonly limit: number | null;
  /** Counts from 1, as the API's own does; only looked at beside a limit. */
  readonly offset: number;
}

const orders = {
  time: (a: Feature, b: Feature) => b.properties.time - a.properties.time,
  "time-asc": (a: Feature, b: Feature) => a.properties.time - b.properties.time,
  magnitude: (a: Feature, b: Feature) => b.properties.mag - a.properties.mag,
  "magnitude-asc": (a: Feature, b: Feature) => a.properties.mag - b.properties.mag,
};

const formats = { geojson: true };
const booleans = { true: true, false: false };
const largestLimit = 20_000;
const thirtyDays = 30 * 86_400_000;

/**
 * Reads the parameters of `/fdsnws/event/1/query` that the quickstart needs, with the defaults and
 * the wording of the real one. `format` must be `geojson`; `includedeleted` is taken, though in the
 * replayed week nothing was deleted. Throws `BadRequest` for a value out of range and for every
 * other parameter.
 */
export function readEventQuery(parameters: URLSearchParams, now: number): EventQuery {
  const given = new Map(parameters);
  const take = <T>(name: string, fallback: T, read: (name: string, text: string) => T): T => {
    const text = given.get(name) ?? "";
    given.delete(name);
    return text === "" ? fallback : read(name, text);
  };
  take("format", "quakeml", choice(formats));
  take("includedeleted", "false", choice(booleans));
  const query: EventQuery = {
    starttime: take("starttime", now - thirtyDays, readTime),
    endtime: take("endtime", now, readTime),
    updatedafter: take<number | null>("updatedafter", null, readTime),
    orderby: take("orderby", "time", choice(orders)),
    limit: take<number | null>("limit", null, (name, text) => readInteger(name, text, 0, largestLimit)),
    offset: take("offset", 1, (name, text) => readInteger(name, text, 1, null)),
  };
  const [unknown] = given.keys();
  if (unknown !== undefined) throw new BadRequest(`Unknown parameter "${unknown}".`);
  if (parameters.get("format") !== "geojson") {
    throw new BadRequest("This replay answers in one format: add format=geojson.");
  }
  return query;
}

/** What a query selects: filtered, ordered, and cut to its page. */
export function select(features: readonly Feature[], query: EventQuery): readonly Feature[] {
  const { starttime, endtime, updatedafter, orderby, limit, offset } = query;
  const matching = features
    .filter(({ properties: { time, updated } }) => {
      const isNew = updatedafter === null || updated > updatedafter;
      return isNew && time >= starttime && time <= endtime;
    })
    .sort(orders[orderby]);
  return limit === null ? matching : matching.slice(offset - 1, offset - 1 + limit);
}

const isoTime = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** ISO 8601; UTC unless it says otherwise. */
function readTime(name: string, text: string): number {
  const parts = isoTime.exec(text);
  const time = Date.parse(text.includes("T") && parts?.[1] === undefined ? `${text}Z` : text);
  if (parts !== null && !Number.isNaN(time)) return time;
  throw new BadRequest(`Bad ${name} value "${text}". Valid values are ISO-8601 timestamps.`);
}

function readInteger(name: string, text: string, least: number, most: number | null): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= (most ?? Number.MAX_SAFE_INTEGER)) return number;
  const range = `${least} <= ${name}${most === null ? "" : ` <= ${most}`}`;
  throw new BadRequest(`Bad ${name} value "${text}". Valid values are ${range}`);
}

function choice<Choices extends object>(choices: Choices) {
  return (name: string, text: string): Extract<keyof Choices, string> => {
    if (isKeyOf(choices, text)) return text;
    const valid = Object.keys(choices).map((key) => `"${key}"`);
    throw new BadRequest(`Bad ${name} value "${text}". Valid values are: ${valid.join(", ")}.`);
  };
}

function isKeyOf<Choices extends object>(
  choices: Choices,
  text: string,
): text is Extract<keyof Choices, string> {
  return Object.hasOwn(choices, text);
}
