import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { limitConnections } from "../../api/service/connections.ts";
import { isLoopback } from "../../api/service/first-key.ts";
import { foreignPage } from "../../api/service/foreign-pages.ts";
import { mayBecomeFree } from "../../api/service/port-errors.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import type { Metrics } from "../../observability/metrics.ts";

export interface MetricsPort extends AsyncDisposable {
  readonly url: string;
}

/** As long as the service itself waits for a request, in milliseconds. */
const patience = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1000 };

/**
 * Answers `/metrics` and `/healthz` on a port of their own, without a key: on loopback to programs of this machine, else to
 * whoever reaches the address.
 */
export async function openMetricsPort(
  host: string,
  port: number,
  scrape: Metrics["scrape"],
): Promise<MetricsPort> {
  const server = createServer(patience, (request, response) => {
    const path = request.url?.split("?")[0];
    const { method = "", headers } = request;
    const problem = isLoopback(host) ? foreignPage({ method, header: (name) => oneOf(headers[name]) }) : null;
    if (problem !== null) {
      response.writeHead(403, { "content-type": "text/plain; charset=utf-8" }).end(`${problem}\n`);
    } else if (request.method !== "GET" || (path !== "/metrics" && path !== "/healthz")) {
      response.writeHead(404).end();
    } else if (path === "/healthz") {
      response.writeHead(200, { "content-type": "application/json" }).end('{"status":"alive"}');
    } else {
      scrape().then(
        ({ contentType, body }) => response.writeHead(200, { "content-type": contentType }).end(body),
        () => response.writeHead(500).end(),
      );
    }
  });
  limitConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new TidemarkError(
          "ARGUMENT_INVALID",
          `--metrics-port: ${host}:${port} cannot be listened on: ${messageOf(error)}`,
          {
            cause: error,
            hint: "Choose another port; 0 takes any that is free.",
            recoverable: mayBecomeFree(error),
          },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  return {
    url: `${urlOf(server.address())}/metrics`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function oneOf(values: string | readonly string[] | undefined): string | undefined {
  return typeof values === "string" ? values : values?.[0];
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === "string") return "http://localhost";
  const { address: host, family, port } = address;
  return `http://${family === "IPv6" ? `[${host}]` : host}:${port}`;
}
