import { type HttpTestServer, sendJson, startHttpServer } from "./http-server.ts";

/** A record of a sorted source; `tick` is its time, in microseconds after the first. */
export interface Row {
  readonly id: number;
  readonly tick: number;
}

/** The text that a source gives for a tick. */
export function timeOf(tick: number): string {
  return `2026-01-01T00:00:00.${String(tick).padStart(6, "0")}Z`;
}

export interface Answering {
  /** Whether `since` itself is left out. */
  readonly strict: boolean;
  /** How rows are sorted; by tick and then by id unless given. */
  readonly compare?: (a: Row, b: Row) => number;
  /** What a record looks like; `{ id, at }` unless given. */
  readonly show?: (row: Row) => object;
}

export interface SortedSource extends HttpTestServer {
  /** May be changed at any time; every answer is made of what is there. */
  rows: Row[];
  /** Called before each answer with the number of requests so far. */
  onRequest: (count: number) => void;
  /** Whether to answer 403 instead, given the same number. */
  refuses: (count: number) => boolean;
}

/**
 * A source over HTTP that compares `since` with its records' time, and then pages by `limit` with
 * `skip` or `page` through what is left, as it is at the moment of each request.
 */
export async function startSortedSource(rows: readonly Row[], answering: Answering): Promise<SortedSource> {
  const { strict, compare = byTime, show = shown } = answering;
  const server = await startHttpServer(({ url }, response) => {
    source.onRequest(server.seen.length);
    if (source.refuses(server.seen.length)) {
      response.writeHead(403).end();
      return;
    }
    const query = url.searchParams;
    const since = tickOf(query.get("since"));
    const found = source.rows.filter(({ tick }) => (strict ? tick > since : tick >= since)).sort(compare);
    const limit = Number(query.get("limit") ?? found.length);
    const page = Number(query.get("page") ?? 1);
    const first = Number(query.get("skip") ?? 0) + (page - 1) * limit;
    sendJson(response, { total: found.length, list: found.slice(first, first + limit).map(show) });
  });
  const source: SortedSource = Object.assign(server, {
    rows: [...rows],
    onRequest: () => {},
    refuses: () => false,
  });
  return source;
}

const byTime = (a: Row, b: Row): number => a.tick - b.tick || a.id - b.id;
const shown = ({ id, tick }: Row): object => ({ id, at: timeOf(tick) });

/** Times may have any fraction, and may lie before the first. */
function tickOf(since: string | null): number {
  if (since === null) return Number.NEGATIVE_INFINITY;
  const [seconds = "", fraction = ""] = since.replace("Z", "").split(".");
  const whole = Date.parse(`${seconds}Z`) - Date.UTC(2026, 0, 1);
  return whole * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** The parameters of every request that ask for a place, in order, as `since|skip`. */
export function placesAsked(source: SortedSource): string[] {
  return source.seen.map(({ url }) => {
    const since = url.searchParams.get("since");
    const skip = url.searchParams.get("skip");
    return `${since === null ? "" : tickOf(since)}|${skip ?? ""}`;
  });
}
