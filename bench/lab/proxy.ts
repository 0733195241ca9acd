import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

interface Wire {
  readonly client: Socket;
  readonly server: Socket;
}

/** The network between the workers and a database: it can be cut, held, slowed, or left half open. */
export class LabProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #wires = new Set<Wire>();
  readonly #listener = createServer((client) => this.#open(client));
  #whole = true;
  #delayMs = 0;
  port = 0;
  /** Told what clients send, before the server has it. */
  onSent: (bytes: Buffer) => void = () => {};

  constructor(port: number) {
    this.#target = { host: "127.0.0.1", port };
  }

  async listen(): Promise<void> {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    const address = this.#listener.address();
    if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
    this.port = address.port;
  }

  /** Ends every connection, and takes no other until `mend`. */
  cut(): void {
    this.#whole = false;
    for (const { client, server } of this.#wires) {
      client.destroy();
      server.destroy();
    }
  }

  /** Nothing comes through, and nobody is told, until `mend`. */
  freeze(): void {
    for (const { client, server } of this.#wires) {
      client.pause();
      server.pause();
    }
  }

  /** What goes to either side comes so much later. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** One side of every connection is gone, and the other is not told. */
  halfOpen(gone: "client" | "server"): void {
    for (const wire of this.#wires) {
      this.#wires.delete(wire);
      const [ended, left] = gone === "client" ? [wire.client, wire.server] : [wire.server, wire.client];
      ended.removeAllListeners("close");
      left.removeAllListeners("data");
      left.resume();
      ended.destroy();
      this.#forgotten.add(left);
      left.on("close", () => this.#forgotten.delete(left));
    }
  }

  readonly #forgotten = new Set<Socket>();

  heal(): void {
    this.#whole = true;
    this.#delayMs = 0;
    for (const { client, server } of this.#wires) {
      client.resume();
      server.resume();
    }
    for (const socket of this.#forgotten) socket.destroy();
  }

  async close(): Promise<void> {
    this.heal();
    this.cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }

  #open(client: Socket): void {
    client.on("error", () => {});
    if (!this.#whole) {
      client.destroy();
      return;
    }
    const server = connect(this.#target);
    server.on("error", () => {});
    const wire: Wire = { client, server };
    this.#wires.add(wire);
    const toServer = this.#passage(server);
    client.on("data", (bytes) => {
      this.onSent(bytes);
      toServer(bytes);
    });
    server.on("data", this.#passage(client));
    client.on("close", () => {
      this.#wires.delete(wire);
      server.destroy();
    });
    server.on("close", () => {
      this.#wires.delete(wire);
      client.destroy();
    });
  }

  /** What goes one way: in order, also where a delay has just been lifted. */
  #passage(to: Socket): (bytes: Buffer) => void {
    const waiting: Buffer[] = [];
    const write = (bytes: Buffer | undefined): void => {
      if (bytes !== undefined && !to.destroyed) to.write(bytes);
    };
    return (bytes) => {
      if (this.#delayMs === 0 && waiting.length === 0) {
        write(bytes);
        return;
      }
      waiting.push(bytes);
      setTimeout(() => write(waiting.shift()), this.#delayMs);
    };
  }
}
