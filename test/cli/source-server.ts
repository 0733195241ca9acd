import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { keepAliveMs } from "../support/http-server.ts";

export interface SourceEvent {
  readonly id: number;
  readonly at: string;
}

export interface SourceServer {
  /** Where the events are. */
  readonly endpoint: string;
  /** What the source holds; a test may add to it between runs. */
  readonly events: SourceEvent[];
  /** The requests so far, as `path?query`. */
  readonly requests: string[];
  /** Answers a request in another way, and says so with true. */
  intercept: (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;
}

/** `count` events, one a minute. */
export function events(count: number, from = 1): SourceEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const id = from + index;
    return { id, at: new Date(Date.UTC(2026, 0, 1, 0, id)).toISOString() };
  });
}

/** A source on loopback that gives what changed since `since`, two events a page, in ascending order. */
export async function sourceServer(held: readonly SourceEvent[]): Promise<SourceServer> {
  const source = { endpoint: "", events: [...held], requests: [] as string[], intercept: () => false };
  const answer: SourceServer = source;
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    const url = new URL(request.url ?? "/", "http://source");
    answer.requests.push(url.pathname + url.search);
    if (answer.intercept(request, response, url)) return;
    const since = Date.parse(url.searchParams.get("since") ?? "1970-01-01T00:00:00Z");
    const page = Number(url.searchParams.get("page") ?? "1");
    const matching = answer.events.filter(({ at }) => Date.parse(at) >= since);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ events: matching.slice((page - 1) * 2, page * 2) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  source.endpoint = `http://127.0.0.1:${port}/events`;
  return answer;
}

/** A pipeline that reads such a source; `output` and `more` are lines of YAML. */
export function pipelineYaml(name: string, endpoint: string, output: string, more = ""): string {
  return `name: ${name}
connector: acme
stream: ${name}
input:
  type: httpPolling
  endpoint: ${endpoint}
  dataField: events
  key: id
  pagination: { type: page, param: page, limitParam: limit, limit: 2 }
  retry: { attempts: 1 }
  statePersistence:
    timestamp: { field: at, queryParam: since, bound: inclusive }
    order: ascending
${more}output: ${output}
`;
}
