import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server, so that a test can cut the wire and see what goes over it. */
export interface TcpProxy {
  readonly port: number;
  /** How many clients are connected now. */
  readonly connections: number;
  /** Ends all connections and takes no new one, until `mend`. */
  cut(): void;
  mend(): void;
  /** Called with whatever a client sends, and with what it is answered before it gets it. */
  onSent: (bytes: Buffer) => void;
  onAnswer: () => void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  let whole = true;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  };
  const server = createServer((client) => {
    keep(client);
    if (!whole) {
      client.destroy();
      return;
    }
    clients.add(client);
    client.on("close", () => clients.delete(client));
    const upstream = connect(target);
    keep(upstream);
    client.on("data", (bytes) => {
      proxy.onSent(bytes);
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      proxy.onAnswer();
      if (!client.destroyed) client.write(bytes);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  const cut = (): void => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  const proxy: TcpProxy = {
    port: address.port,
    get connections() {
      return clients.size;
    },
    cut,
    mend() {
      whole = true;
    },
    onSent: () => {},
    onAnswer: () => {},
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
