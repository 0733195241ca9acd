import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Catalogue, type Feature, shownAt } from "./catalogue.ts";
import { BadRequest, readEventQuery, select } from "./event-query.ts";

/** What the server was asked and what it gave. */
export interface Exchange {
  readonly query: URLSearchParams;
  readonly status: number;
  readonly events: number;
}

export interface ReplayServer {
  /** Where events are asked for; stands in for https://earthquake.usgs.gov/fdsnws/event/1/query. */
  readonly endpoint: string;
  /** Every request so far, oldest first. */
  readonly exchanges: readonly Exchange[];
  /** Moves the server's clock on to a time, in milliseconds since 1970. */
  moveTo(time: number): void;
  /** What the server shows at its present time. */
  shown(): readonly Feature[];
  close(): Promise<void>;
}

const path = "/fdsnws/event/1/query";

/**
 * Replays a catalogue of earthquakes on 127.0.0.1 as the event API of the USGS would have served it:
 * the same parameters, defaults, envelope and refusals, at a clock that stands still until it is
 * moved. It shows what was updated at or before its time. `updatedafter` is taken at its word, so an
 * event updated at that very millisecond is left out.
 *
 * ```ts
 * await using server = await startReplayServer(await loadCatalogue(), Date.parse("2018-02-06T00:00:00Z"));
 * ```
 */
export async function startReplayServer(
  catalogue: Catalogue,
  startsAt: number,
): Promise<ReplayServer & AsyncDisposable> {
  const exchanges: Exchange[] = [];
  let now = startsAt;
  let shown = shownAt(catalogue, now);

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", origin);
    const { status, events, body, type } = answer(request, url, shown, now);
    exchanges.push({ query: url.searchParams, status, events });
    send(response, status, type, body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const origin = `http://127.0.0.1:${port}`;

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    endpoint: `${origin}${path}`,
    exchanges,
    moveTo(time) {
      now = time;
      shown = shownAt(catalogue, now);
    },
    shown: () => shown,
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly events: number;
}

function answer(request: IncomingMessage, url: URL, shown: readonly Feature[], now: number): Answer {
  if (url.pathname !== path) return refusal(404, "Not Found", `Nothing is at ${url.pathname}.`, url, now);
  if (request.method !== "GET") return refusal(405, "Method Not Allowed", "Use GET.", url, now);
  try {
    const query = readEventQuery(url.searchParams, now);
    const features = select(shown, query);
    const { limit, offset } = query;
    const metadata = {
      generated: now,
      url: url.href,
      title: "USGS Earthquakes",
      status: 200,
      api: "replay",
      ...(limit === null ? {} : { limit, offset }),
      // Of this answer, not of the whole result: the real API counts so as well.
      count: features.length,
    };
    const body = JSON.stringify({ type: "FeatureCollection", metadata, features });
    return { status: 200, type: "application/json; charset=utf-8", body, events: features.length };
  } catch (error) {
    if (error instanceof BadRequest) return refusal(400, "Bad Request", error.message, url, now);
    throw error;
  }
}

function refusal(status: number, title: string, message: string, url: URL, now: number): Answer {
  const lines = [
    `Error ${status}: ${title}`,
    message,
    "Usage details are available from https://earthquake.usgs.gov/fdsnws/event/1",
    `Request:\n${url.pathname}${url.search}`,
    `Request Submitted:\n${new Date(now).toISOString()}`,
    "Service version:\nreplay",
  ];
  return { status, type: "text/plain; charset=utf-8", body: `${lines.join("\n\n")}\n`, events: 0 };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
}
