import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { messageOf, TidemarkError } from "../../errors.ts";
import { endConnection, limitConnections, type OpenConnections } from "./connections.ts";
import { mayBecomeFree } from "./port-errors.ts";
import { problemOf, problemText, problemType, RequestRefusal } from "./problems.ts";
import { badRequest } from "./requests.ts";
import { type Service, unreadableRequest } from "./service.ts";

export interface ListenOptions {
  /** `127.0.0.1` unless given. */
  readonly host?: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Certificate chain and private key, as PEM; without them it speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How long a request may take to arrive: its head, and all of it. Milliseconds. */
  readonly headMs?: number;
  readonly requestMs?: number;
  /** How long a client may take to read an answer, in milliseconds, and a second more for each 64 KiB of it. */
  readonly answerMs?: number;
  /**
   * How many connections may be open at once; the next one takes the place of the one that waits longest for its
   * client. Default: 4,096, or three quarters of the files that the process may open if that is less.
   */
  readonly maxConnections?: number;
}

/** A service with a port. */
export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes no more connections and resolves when every request at hand is answered, or the time is up. */
  close(graceMs?: number): Promise<void>;
  /**
   * Serves another certificate to new connections. Throws `ARGUMENT_INVALID` where it cannot be used, or where no
   * TLS is spoken; the one before is served on.
   */
  renew(tls: NonNullable<ListenOptions["tls"]>): void;
}

/** Longer than the keep-alive of load balancers, so that the server never closes a connection that they just used. */
const keepAliveMs = 65_000;
const idleMs = 120_000;
/** The longest query that there is, percent-encoded, and all else twice over. */
const mostHeaderBytes = 32 * 1024;
const checkMs = 1000;

/**
 * Gives a service a port. Connections that send nothing, send it too slowly, or read their answer too slowly are
 * closed. Throws `ARGUMENT_INVALID` where the port cannot be had, recoverable where it may become free, or the
 * certificate cannot be used.
 */
export async function serveService(service: Service, options: ListenOptions): Promise<Listening> {
  const { host = "127.0.0.1", port, tls, headMs = 10_000, requestMs = 30_000 } = options;
  const listener = getRequestListener(service.app.fetch, {
    errorHandler: unreadableRequest,
    overrideGlobalObjects: false,
  });
  const limits = {
    headersTimeout: headMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(checkMs, headMs),
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: mostHeaderBytes,
    // Handled by the service, so that a missing header gets the usual error format.
    requireHostHeader: false,
  };
  const server = tls === undefined ? createServer(limits, listener) : secureServer(tls, limits, listener);
  const connections = limitConnections(server, options);
  server.timeout = idleMs;
  server.on("clientError", answerBrokenRequest);
  // Node would answer an unknown expectation with a plain 417; the service ignores expectations.
  server.on("checkExpectation", listener);
  await bound(server, host, port);
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new TidemarkError("INTERNAL", "the server has no port");
  return {
    url: urlOf(tls === undefined ? "http" : "https", address),
    port: address.port,
    close: (graceMs = 25_000) => drained(server, service, connections, graceMs),
    renew: (renewed) => renewTls(server, renewed),
  };
}

function secureServer(
  { cert, key }: NonNullable<ListenOptions["tls"]>,
  limits: ServerOptions,
  listener: RequestListener,
): Server {
  try {
    const handshakeTimeout = limits.headersTimeout;
    return createTlsServer({ ...limits, cert, key, minVersion, handshakeTimeout }, listener);
  } catch (error) {
    throw unusableCertificate(error);
  }
}

const minVersion = "TLSv1.2";

function renewTls(server: Server, { cert, key }: NonNullable<ListenOptions["tls"]>): void {
  if (!(server instanceof TlsServer)) throw unusableCertificate(new Error("the service speaks plain HTTP"));
  try {
    server.setSecureContext({ cert, key, minVersion });
  } catch (error) {
    throw unusableCertificate(error);
  }
}

function unusableCertificate(error: unknown): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `the certificate or its key cannot be used: ${messageOf(error)}`,
    { cause: error, hint: "Give a certificate chain and its private key, each as PEM." },
  );
}

function bound(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(
        new TidemarkError("ARGUMENT_INVALID", `${host}:${port} cannot be listened on: ${messageOf(error)}`, {
          cause: error,
          hint: "Choose another --host or --port; port 0 takes any that is free.",
          recoverable: mayBecomeFree(error),
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      server.on("error", () => {});
      resolve();
    });
  });
}

function urlOf(scheme: string, { address, family, port }: AddressInfo): string {
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function drained(
  server: Server,
  service: Service,
  connections: OpenConnections,
  graceMs: number,
): Promise<void> {
  service.drain();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  connections.closeSilent();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** Answers requests that Node itself rejects, in the usual error format. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { body, status } = problemOf(refusalOf(error), undefined);
  const text = problemText(body);
  endConnection(
    socket,
    `HTTP/1.1 ${status} ${reasons[status] ?? "Bad Request"}\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

const reasons: Readonly<Record<number, string>> = {
  408: "Request Timeout",
  413: "Content Too Large",
};

function refusalOf(error: { code?: string }): unknown {
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new TidemarkError("REQUEST_TIMEOUT", "the request did not arrive in time");
    case "HPE_HEADER_OVERFLOW":
      return new RequestRefusal(
        413,
        new TidemarkError("BODY_TOO_LARGE", "the request's headers are too long"),
      );
    default:
      return badRequest("this is no HTTP request");
  }
}
