import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Random } from "./random.ts";
import type { TimestampForm, World } from "./world.ts";

export interface LabRecord {
  readonly id: number;
  readonly version: number;
  readonly updated_at: string;
  readonly payload: string;
}

/** A record and where it stands in the source's order: by time, and by arrival among equal times. */
interface Stored extends LabRecord {
  readonly micros: number;
  readonly sequence: number;
}

/** What the source does to the next requests; false leaves a request alone. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

const historySpanMicros = 600_000_000;

/**
 * A REST source that changes all the time: records are added and updated in groups that share a
 * microsecond. Its pages are what the world asks for. It knows every version that it ever had, which is
 * what a sink is compared with.
 */
export class LabSource {
  readonly #world: World;
  readonly #random: Random;
  readonly #records = new Map<number, Stored>();
  #sorted: Stored[] | null = null;
  #lastMicros = 0;
  #sequence = 0;
  #tokens = 1;
  readonly #server = createServer({ keepAliveTimeout: 600_000 }, (request, response) =>
    this.#answer(request, response),
  );
  requests = 0;
  onRequest: () => void = () => {};
  misbehaviour: Misbehaviour | null = null;
  /** Where the newer half of the history begins, and the microsecond before. */
  readonly middle: string;
  readonly beforeMiddle: string;
  readonly first: string;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    const end = Date.now() * 1000 - 2_000_000;
    const begin = end - historySpanMicros;
    let micros = this.#written(begin);
    const step = Math.floor((historySpanMicros / world.records) * 2);
    for (let id = 1; id <= world.records; id++) {
      if (random.chance(0.5)) micros = this.#written(Math.min(end, micros + random.between(1, step * 2 - 1)));
      this.#put(id, micros);
    }
    this.first = timestamp(begin, "micros");
    this.middle = timestamp(begin + historySpanMicros / 2, "micros");
    this.beforeMiddle = timestamp(begin + historySpanMicros / 2 - 1, "micros");
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the source has no port");
    return `http://127.0.0.1:${address.port}/records`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** What the source holds now, which every sink has to come to. */
  get current(): ReadonlyMap<number, LabRecord> {
    return this.#records;
  }

  /** Adds and updates some records, all at one microsecond; now and then at that of the group before. */
  change(): void {
    const { order, parts, output, backfill } = this.#world;
    const now = Date.now() * 1000 + this.#random.between(0, 999);
    // A late tie is seen by readers that go up by time; to others it would be a late commit.
    const latest = order === "ascending" && parts !== "slices" && !backfill;
    const tied = latest && this.#random.chance(0.3);
    const after = this.#lastMicros + (this.#world.form === "millis" ? 1000 : 1);
    const micros = tied ? this.#lastMicros : this.#written(Math.max(now, after));
    const mayChangeTwice = output.includes("upsert");
    for (let count = this.#random.between(1, 25); count > 0; count--) {
      const id = this.#random.chance(0.5)
        ? this.#records.size + 1
        : this.#random.between(1, this.#records.size);
      if (!mayChangeTwice && this.#records.get(id)?.micros === micros) continue;
      this.#put(id, micros);
    }
  }

  /** Tokens given so far are refused from now on. */
  expireTokens(): void {
    this.#tokens += 1;
  }

  /** A moment as exactly as the source keeps it. */
  #written(micros: number): number {
    return this.#world.form === "millis" ? Math.floor(micros / 1000) * 1000 : micros;
  }

  #put(id: number, micros: number): void {
    const version = (this.#records.get(id)?.version ?? 0) + 1;
    const payload = payloadOf(id, version);
    this.#sequence += 1;
    this.#lastMicros = micros;
    this.#records.set(id, {
      id,
      version,
      updated_at: timestamp(micros, this.#world.form),
      payload,
      micros,
      sequence: this.#sequence,
    });
    this.#sorted = null;
  }

  #all(): readonly Stored[] {
    if (this.#sorted !== null) return this.#sorted;
    const { order } = this.#world;
    const sign = order === "descending" ? -1 : 1;
    this.#sorted = [...this.#records.values()].sort((a, b) =>
      order === "unordered" ? a.id - b.id : sign * (a.micros - b.micros || a.sequence - b.sequence),
    );
    return this.#sorted;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    this.requests += 1;
    this.onRequest();
    if (this.misbehaviour?.(request, response)) return;
    const url = new URL(request.url ?? "/", "http://source");
    const token = url.searchParams.get("token");
    if (token !== null && !token.startsWith(`${this.#tokens}.`)) {
      response.writeHead(410, { "content-type": "application/json" }).end('{"error":"token expired"}');
      return;
    }
    const { records, next } = this.#page(url, token);
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (this.#world.pagination === "link" && next !== null) {
      url.searchParams.set("token", next);
      headers.link = `<http://${request.headers.host}${url.pathname}${url.search}>; rel="next"`;
    }
    const data = records.map(({ id, version, updated_at, payload }) => ({
      id,
      version,
      updated_at,
      payload,
    }));
    response.writeHead(200, headers).end(JSON.stringify({ data, next, more: next !== null }));
  }

  #page(url: URL, token: string | null): { records: Stored[]; next: string | null } {
    const query = url.searchParams;
    const limit = Number(query.get("limit") ?? this.#world.pageSize);
    const isWithin = this.#range(query.get("updated_after"), query.get("updated_before"));
    const partition = /\/p(\d)$/.exec(url.pathname)?.[1];
    const within = this.#all().filter(
      (record) => (partition === undefined || record.id % 3 === Number(partition)) && isWithin(record),
    );
    const page = Number(query.get("page") ?? 1) - 1;
    const counted = this.#before(page, limit) + Number(query.get("skip") ?? 0);
    const start = token === null ? counted : this.#placeOf(within, token);
    const size = this.#sizeOf(query.has("page") ? page : start, limit);
    const records = within.slice(start, start + size);
    const last = records.at(-1);
    if (last === undefined || start + size >= within.length) return { records, next: null };
    return { records, next: `${this.#tokens}.${last.id}.${last.micros}.${last.sequence}` };
  }

  /** Both bounds are compared strictly, which is what an undeclared `bound` stands for. */
  #range(after: string | null, before: string | null): (record: Stored) => boolean {
    if (this.#world.compares === "text") {
      return ({ updated_at: text }) => (after === null || text > after) && (before === null || text < before);
    }
    const low = after === null ? -1 : microsOf(after);
    const high = before === null ? Number.MAX_SAFE_INTEGER : microsOf(before);
    return ({ micros }) => micros > low && micros < high;
  }

  /** How many records a page has that is asked for so many. */
  #sizeOf(turn: number, limit: number): number {
    const { granted } = this.#world;
    return Math.min(limit, granted[turn % Math.max(granted.length, 1)] ?? limit);
  }

  /** How many records all pages before this one have. */
  #before(page: number, limit: number): number {
    let before = 0;
    for (let turn = 0; turn < page; turn++) before += this.#sizeOf(turn, limit);
    return before;
  }

  /** Where the page after the token's record begins; the record itself may have moved since. */
  #placeOf(within: readonly Stored[], token: string): number {
    const [, id = 0, micros = 0, sequence = 0] = token.split(".").map(Number);
    const { order } = this.#world;
    const place = within.findIndex((record) => {
      if (order === "unordered") return record.id > id;
      const later = record.micros - micros || record.sequence - sequence;
      return order === "descending" ? later < 0 : later > 0;
    });
    return place < 0 ? within.length : place;
  }
}

export function payloadOf(id: number, version: number): string {
  return `record ${id} as of its change ${version}`;
}

function timestamp(micros: number, form: TimestampForm): string {
  const seconds = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19);
  const digits = String(micros % 1_000_000).padStart(6, "0");
  if (form === "millis") return `${seconds}.${digits.slice(0, 3)}Z`;
  const shown = form === "trimmed" ? digits.replace(/0+$/, "") : digits;
  return shown === "" ? `${seconds}Z` : `${seconds}.${shown}Z`;
}

function microsOf(text: string): number {
  const [seconds = "", fraction = ""] = text.replace("Z", "").split(".");
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}
