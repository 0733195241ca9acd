import { createServer, type IncomingMessage } from "node:http";
import { keepAliveMs } from "./http-server.ts";

export interface SourceRequest {
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly method: string;
  readonly body: string;
  /** The body's form fields, where it is a form. */
  readonly form: URLSearchParams;
}

export interface SourceAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body as JSON text, so that long numbers keep their digits. */
  readonly json: string;
}

/** A small HTTP source on 127.0.0.1 that a test scripts by one function. */
export interface Source extends AsyncDisposable {
  readonly origin: string;
  /** The requests so far, oldest first. */
  readonly requests: readonly SourceRequest[];
}

export async function startSource(answer: (request: SourceRequest) => SourceAnswer): Promise<Source> {
  const requests: SourceRequest[] = [];
  const server = createServer({ keepAliveTimeout: keepAliveMs }, async (incoming, outgoing) => {
    let body = "";
    for await (const chunk of incoming.setEncoding("utf8")) body += chunk;
    const { headers, method = "" } = incoming;
    const url = new URL(incoming.url ?? "/", origin);
    const request = { url, method, headers, body, form: new URLSearchParams(body) };
    requests.push(request);
    const { status = 200, json, headers: more } = answer(request);
    outgoing.writeHead(status, { "content-type": "application/json", ...more }).end(json);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    origin,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The time that many minutes into 2026, as ISO 8601. */
export const minute = (number: number): string => new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString();

/** The whole numbers from one to another, both of them included. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
