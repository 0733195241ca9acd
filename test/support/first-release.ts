import { type HttpHandler, type HttpTestServer, sendJson, startHttpServer } from "./http-server.ts";

/** The pipelines, and the source they read, of the state that the command of version 0.1.0 left behind. */

export interface SourceRecord {
  readonly id: number;
  readonly at: string;
}

/** Three records at each time, so that a page of two, a checkpoint and the end of a run fall among equal cursors. */
function records(count: number, month: string): SourceRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    at: `2025-${month}-${String(1 + Math.floor(index / 3)).padStart(2, "0")}T00:00:00Z`,
  }));
}

/** A record a day. */
function daily(first: number, month: string): SourceRecord[] {
  return Array.from({ length: 20 }, (_, index) => ({
    id: first + index,
    at: `2025-${month}-${String(1 + index).padStart(2, "0")}T00:00:00Z`,
  }));
}

export const partitionNames = ["asia", "eu", "us"] as const;

/** All that the source has, by its paths. */
export const sourceRecords: Readonly<Record<string, readonly SourceRecord[]>> = {
  orders: records(12, "03"),
  "accounts/asia": records(5, "03"),
  "accounts/eu": records(6, "03"),
  "accounts/us": records(7, "03"),
  history: [...daily(1, "01"), ...daily(21, "03")],
  resets: records(4, "03"),
  notices: records(5, "03"),
  activities: records(9, "03"),
};

export interface SourceOptions {
  /** Of a path: how many of its records are there yet. */
  readonly visible?: Readonly<Record<string, number>>;
  /** Answers a request in the source's place; false where it does not. */
  readonly instead?: (...asked: Parameters<HttpHandler>) => boolean;
  /** The ids that the endpoint of `notices` refuses. */
  readonly refused?: ReadonlySet<number>;
}

export interface FirstReleaseSource extends HttpTestServer {
  /** The ids that the endpoint of `notices` was sent and took. */
  readonly taken: number[];
}

export async function startFirstReleaseSource(options: SourceOptions = {}): Promise<FirstReleaseSource> {
  const taken: number[] = [];
  const server = await startHttpServer((request, response) => {
    if (options.instead?.(request, response) === true) return;
    if (request.method === "POST") {
      const { id }: { id: number } = JSON.parse(request.body);
      const isRefused = options.refused?.has(id) === true;
      if (!isRefused) taken.push(id);
      response.statusCode = isRefused ? 422 : 200;
      sendJson(response, {});
      return;
    }
    const path = request.url.pathname.slice(1);
    const asked = request.url.searchParams;
    const all = (sourceRecords[path] ?? []).slice(0, options.visible?.[path]);
    const found = all.filter(
      ({ at }) => at >= (asked.get("since") ?? "") && at <= (asked.get("until") ?? "~"),
    );
    if (path === "activities") found.reverse();
    const start = asked.has("token") ? Number(asked.get("token")) : 2 * (Number(asked.get("page") ?? 1) - 1);
    const next = start + 2 < found.length ? String(start + 2) : null;
    sendJson(response, { list: found.slice(start, start + 2), next });
  });
  return Object.assign(server, { taken });
}

export const stateKinds = ["sqlite", "postgres", "files"] as const;
export type StateKind = (typeof stateKinds)[number];

const byPage = "{ type: page, param: page, limitParam: limit, limit: 2 }";
const byToken = "{ type: cursor, param: token, nextCursorField: next, limitParam: limit, limit: 2 }";

interface Described {
  readonly path?: string;
  readonly pagination?: string;
  readonly order?: string;
  readonly input?: string;
  readonly state?: string;
  readonly output: string;
}

function pipeline(stream: string, described: Described): string {
  const {
    path = stream,
    pagination = byPage,
    order = "ascending",
    input = "",
    state = "",
    output,
  } = described;
  return `name: ${stream}
connector: acme
stream: ${stream}
leaseSeconds: 60
input:
  type: httpPolling
  endpoint: "\${SOURCE}/${path}"
  dataField: list
  key: id
  retry: { attempts: 1 }
  pagination: ${pagination}
${input}  statePersistence:
    timestamp: { field: at, queryParam: since }
    order: ${order}
    pagesPerCheckpoint: 1
${state}output: ${output}
`;
}

/** The pipelines by the names of their streams. `\${SOURCE}` and `\${OUTPUT}` are parameters. */
export function firstReleasePipelines(kind: StateKind): Readonly<Record<string, string>> {
  const appended = (name: string): string =>
    kind === "files"
      ? `{ type: file, path: ./${name}.jsonl }`
      : `{ type: database, connectionString: "\${OUTPUT}", table: ${name}, mode: append }`;
  const replaced = (name: string): string =>
    kind === "files"
      ? `{ type: database, connectionString: "sqlite:./output.db", table: ${name}, key: id }`
      : `{ type: database, connectionString: "\${OUTPUT}", table: ${name}, key: id }`;
  return {
    orders: pipeline("orders", { output: appended("orders") }),
    accounts: pipeline("accounts", {
      path: "accounts/{{ partition }}",
      input: `  partitions: { values: [${partitionNames.join(", ")}], as: account }\n`,
      output: appended("accounts"),
    }),
    history: pipeline("history", {
      state: `    start: 2025-03-01\n    until: { queryParam: until }\n`,
      output: appended("history"),
    }),
    resets: pipeline("resets", { output: replaced("resets") }),
    notices: pipeline("notices", {
      output: `\n  type: httpRequest\n  endpoint: "\${SOURCE}/notices"\n  method: POST\n  retry: { attempts: 1 }\n  onError: deadLetter\n  deadLetter: { path: ./refused.jsonl }`,
    }),
    activities: pipeline("activities", {
      pagination: byToken,
      order: "descending",
      output: appended("activities"),
    }),
  };
}
