import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The source of the race, a process of its own: a REST API sorted by `updated_at`, in pages with a
 * token. Every full page is made before the first request, so that the server is never what is
 * measured. It has two generations of its data: as it is first, and with one record in a hundred
 * changed since.
 *
 * - `GET /records?updated_after=<ISO 8601, inclusive>` → `{ "data": [...], "next": "<token>" | null }`
 * - `GET /records?token=<token>`
 * - `POST /control?generation=1|2` begins to count anew and switches the data; answers with the counts so far
 */
const count = Number(process.argv[2] ?? 100_000);
const pageSize = Number(process.argv[3] ?? 1000);
const changeEvery = Number(process.argv[4] ?? 100);
const firstMoment = Date.UTC(2026, 0, 1);
const millisecondsApart = 10;

/** One state of a record; moments count in steps from `firstMoment`. */
interface Version {
  readonly index: number;
  readonly moment: number;
}

interface Generation {
  readonly versions: readonly Version[];
  readonly pages: readonly Buffer[];
}

function render({ index, moment }: Version): object {
  const changed = moment >= count;
  return {
    id: index + 1,
    updated_at: new Date(firstMoment + moment * millisecondsApart).toISOString(),
    name: `customer ${index}`,
    email: `customer-${index}@example.com`,
    status: changed ? "changed" : index % 3 === 0 ? "active" : "dormant",
    amount: (index % 100_000) / 100,
    country: ["DE", "FR", "JP", "BR", "US"][index % 5],
    note: "The quick brown fox jumps over the lazy dog, and then it does so once more for good measure.",
    verified: index % 2 === 0,
  };
}

function page(versions: readonly Version[], start: number): Buffer {
  const end = Math.min((Math.floor(start / pageSize) + 1) * pageSize, versions.length);
  const data = versions.slice(start, end).map(render);
  return Buffer.from(JSON.stringify({ data, next: end < versions.length ? String(end) : null }));
}

function generation(versions: readonly Version[]): Generation {
  const starts = Array.from({ length: Math.ceil(versions.length / pageSize) }, (_, at) => at * pageSize);
  return { versions, pages: starts.map((start) => page(versions, start)) };
}

const first = Array.from({ length: count }, (_, index): Version => ({ index, moment: index }));
const isChanged = ({ index }: Version): boolean => index % changeEvery === 0;
const changed = first.filter(isChanged).map(({ index }, at) => ({ index, moment: count + at }));
const generations = [
  generation(first),
  generation([...first.filter((version) => !isChanged(version)), ...changed]),
] as const;

let shown: Generation = generations[0];
let requests = 0;
let records = 0;
let firstRequestAt: number | null = null;

/** Where the first version at or after a moment stands. */
function startOf(since: string | null, { versions }: Generation): number {
  if (since === null) return 0;
  const at = Date.parse(since.replace(" ", "+"));
  if (Number.isNaN(at)) return 0;
  const moment = (at - firstMoment) / millisecondsApart;
  let [low, high] = [0, versions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((versions[middle]?.moment ?? 0) < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

function answer(query: URLSearchParams): Buffer {
  const token = query.get("token");
  const start = token === null ? startOf(query.get("updated_after"), shown) : Number(token);
  const end = Math.min((Math.floor(start / pageSize) + 1) * pageSize, shown.versions.length);
  requests += 1;
  records += Math.max(0, end - start);
  firstRequestAt ??= Date.now();
  const ready = start % pageSize === 0 ? shown.pages[start / pageSize] : undefined;
  return ready ?? page(shown.versions, start);
}

function control(query: URLSearchParams): Buffer {
  const counts = { requests, records, firstRequestAt };
  shown = generations[query.get("generation") === "2" ? 1 : 0];
  [requests, records, firstRequestAt] = [0, 0, null];
  return Buffer.from(JSON.stringify(counts));
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  const body = url.pathname === "/control" ? control(url.searchParams) : answer(url.searchParams);
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}

const server = createServer({ keepAliveTimeout: 60_000 }, serve);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`http://127.0.0.1:${port}`);
});
