import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";

/** A name with a label of more than 63 characters: it is known to be nobody's without asking a name server. */
export const unknownHost = `${"no-such-host".padEnd(64, "-host")}.invalid`;

/** A request as a test server saw it. */
export interface SeenRequest {
  readonly method: string;
  /** The path and query, resolved against the server's address. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpTestServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
  /** Every request so far, in order. */
  readonly seen: readonly SeenRequest[];
}

/**
 * How long a test's server keeps an idle connection: longer than any test. One that the server ended just as a
 * busy process sends on it would be an answer that never came.
 */
export const keepAliveMs = 600_000;

export type HttpHandler = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A real server on a free port of the loopback interface; it is stopped when it is disposed of. */
export async function startHttpServer(handler: HttpHandler): Promise<HttpTestServer> {
  const seen: SeenRequest[] = [];
  const server = createServer({ keepAliveTimeout: keepAliveMs }, async (request, response) => {
    // Clocks of tests say any time; a test of clocks sets the header itself.
    response.sendDate = false;
    const at = {
      method: request.method ?? "",
      url: new URL(request.url ?? "/", origin),
      headers: request.headers,
    };
    const whole = { ...at, body: await bodyOf(request) };
    seen.push(whole);
    await handler(whole, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the test server has no port");
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Answers with a JSON text, or with a value as JSON. */
export function sendJson(
  response: ServerResponse,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.setHeader("content-type", "application/json");
  for (const [name, text] of Object.entries(headers)) response.setHeader(name, text);
  response.end(typeof value === "string" ? value : JSON.stringify(value));
}
