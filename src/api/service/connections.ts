import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { mostOpenFiles } from "./open-files.ts";

/** How many connections a server holds and how long it waits for a reader. */
export interface ConnectionLimits {
  /** Default: `usualConnections()`. */
  readonly maxConnections?: number | undefined;
  /** How long a client may take to read an answer, in milliseconds, and a second more for each 64 KiB. Default: 60,000. */
  readonly answerMs?: number | undefined;
}

const mostConnections = 4096;
const usualAnswerMs = 60_000;
const leastBytesPerSecond = 64 * 1024;
const lingerMs = 1000;

/** The rest of what the process may have open is for the state, sources and outputs. */
export function usualConnections(): number {
  return Math.max(1, Math.min(mostConnections, Math.floor(mostOpenFiles() * 0.75)));
}

/**
 * Keeps a server reachable whatever its clients do. When `maxConnections` are open, the next one takes the place
 * of the one that has kept the server waiting longest: it is idle, or its request has not arrived whole. If every
 * connection is being answered, the new one is closed. A client that reads its answer too slowly is cut off.
 */
export function limitConnections(server: Server, limits: ConnectionLimits = {}): OpenConnections {
  const { maxConnections = usualConnections(), answerMs = usualAnswerMs } = limits;
  const connections = new Connections(maxConnections);
  server.on("connection", (socket: Socket) => connections.opened(socket));
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    connections.asked(request);
    response.once("close", () => connections.answered(request.socket));
    response.once("prefinish", () => cutSlowReader(request.socket, response, answerMs));
  });
  return connections;
}

export interface OpenConnections {
  /** Closes those that have sent nothing yet, which Node does not count as idle. */
  closeSilent(): void;
}

/** The open connections, by the address of their other end: with TLS the server and its requests see two sockets. */
class Connections implements OpenConnections {
  readonly #most: number;
  readonly #open = new Map<string, Socket>();
  /** Those that wait for their client, longest first. */
  readonly #waiting = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  opened(socket: Socket): void {
    const name = nameOf(socket);
    if (this.#open.size >= this.#most && !this.#closeOne()) {
      socket.destroy();
      return;
    }
    this.#open.set(name, socket);
    this.#waiting.add(name);
    socket.once("close", () => {
      if (this.#open.get(name) !== socket) return;
      this.#open.delete(name);
      this.#waiting.delete(name);
    });
  }

  /** A head has arrived: the request is whole, or its body is still to come. */
  asked(request: IncomingMessage): void {
    const name = nameOf(request.socket);
    const { "content-length": length, "transfer-encoding": encoding } = request.headers;
    if (length === undefined && encoding === undefined) this.#waiting.delete(name);
    else request.once("end", () => this.#waiting.delete(name));
  }

  answered(socket: Socket): void {
    const name = nameOf(socket);
    if (socket.destroyed || !this.#open.has(name)) return;
    this.#waiting.delete(name);
    this.#waiting.add(name);
  }

  closeSilent(): void {
    for (const socket of this.#open.values()) if (socket.bytesRead === 0) socket.destroy();
  }

  #closeOne(): boolean {
    const [name] = this.#waiting;
    if (name === undefined) return false;
    const socket = this.#open.get(name);
    this.#open.delete(name);
    this.#waiting.delete(name);
    socket?.destroy();
    return true;
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Called when the whole answer was handed over; what has not gone out yet waits for the client to read. */
function cutSlowReader(socket: Socket, response: ServerResponse, answerMs: number): void {
  const seconds = Math.ceil(response.writableLength / leastBytesPerSecond);
  const timer = setTimeout(() => socket.destroy(), answerMs + seconds * 1000);
  timer.unref();
  response.once("close", () => clearTimeout(timer));
}

/**
 * Sends the last bytes of a connection and closes it in both directions within a second. What still arrives is
 * thrown away: if it were left unread, the system would reset the connection and the client might lose the answer.
 */
export function endConnection(socket: Socket, lastBytes: string): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
  socket.on("end", () => socket.destroySoon());
  socket.end(lastBytes);
  socket.resume();
}
