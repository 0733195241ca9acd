import type { ServerResponse } from "node:http";
import { type HttpTestServer, sendJson, startHttpServer } from "./http-server.ts";

export interface RecordsSource extends HttpTestServer {
  /** The records it has, sorted by `updated_at`; add to it to give the next run something to read. */
  readonly records: { readonly id: number; readonly updated_at: string }[];
  /** Called before each answer with the number of requests so far; the answer waits for it. */
  onRequest: (count: number) => void | Promise<void>;
}

/**
 * A source over HTTP that is sorted by `updated_at`, compares it inclusively, and pages by a token.
 * Several records share each timestamp, so that most pages and checkpoints fall among equals.
 */
export async function startRecordsSource(count: number, pageSize: number): Promise<RecordsSource> {
  const records = Array.from({ length: count }, (_, index) => recordAt(index));
  const server = await startHttpServer(async ({ url }, response) => {
    await source.onRequest(server.seen.length);
    answer(source.records, url.searchParams, pageSize, response);
  });
  const source: RecordsSource = Object.assign(server, { records, onRequest: () => {} });
  return source;
}

/** Microsecond timestamps, shared by groups of one to five. */
export function recordAt(index: number): RecordsSource["records"][number] {
  const group = Math.floor(index / 7) * 3 + Math.min(2, index % 7);
  const micros = String(group % 1_000_000).padStart(6, "0");
  const seconds = Math.floor(group / 1_000_000);
  return { id: index + 1, updated_at: `2026-01-01T00:${String(seconds).padStart(2, "0")}:00.${micros}Z` };
}

function answer(
  records: RecordsSource["records"],
  query: URLSearchParams,
  pageSize: number,
  response: ServerResponse,
): void {
  const since = query.get("updated_after");
  const token = query.get("token");
  const start = token === null ? firstAtOrAfter(records, since) : Number(token);
  const end = Math.min(start + pageSize, records.length);
  sendJson(response, { data: records.slice(start, end), next: end < records.length ? String(end) : null });
}

function firstAtOrAfter(records: RecordsSource["records"], since: string | null): number {
  if (since === null) return 0;
  const moment = microsOf(since);
  const index = records.findIndex((record) => microsOf(record.updated_at) >= moment);
  return index < 0 ? records.length : index;
}

/** Fixed width, so that texts compare as the times do. */
function microsOf(timestamp: string): string {
  const [seconds = "", fraction = ""] = timestamp.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")}`;
}

/** The pipeline file that reads such a source in ascending order, into the output given as YAML. */
export function recordsPipeline(source: RecordsSource, output: string, extra = ""): string {
  return `name: records
${extra}
input:
  type: httpPolling
  endpoint: ${source.origin}/records
  dataField: data
  key: id
  pagination: { type: cursor, param: token, nextCursorField: next }
  statePersistence:
    timestamp: { field: updated_at, queryParam: updated_after, granularity: 1us }
    order: ascending
output: ${output}
`;
}
