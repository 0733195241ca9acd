import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

/** The path of a file of test certificates; see `tls/README.md`. */
export function tlsFile(name: "ca.pem" | "other-ca.pem" | "server.pem" | "server.key"): string {
  return fileURLToPath(new URL(`./tls/${name}`, import.meta.url));
}

const sslRequest = 80_877_103;

/** Gives a PostgreSQL server without TLS the TLS of one that has it, with the test certificates. */
export interface PostgresTlsProxy {
  readonly port: number;
  /** How each connection came so far: whether it was encrypted. */
  readonly encrypted: readonly boolean[];
  close(): Promise<void>;
}

export async function startPostgresTls(
  target: { host: string; port: number },
  { refusesPlain = false } = {},
): Promise<PostgresTlsProxy> {
  const encrypted: boolean[] = [];
  const sockets = new Set<Socket>();
  const options = { cert: readFileSync(tlsFile("server.pem")), key: readFileSync(tlsFile("server.key")) };
  const pipe = (client: Socket, first: Buffer | null): void => {
    const upstream = connect(target);
    sockets.add(upstream);
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    if (first !== null) upstream.write(first);
    client.pipe(upstream);
    upstream.pipe(client);
  };
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    client.once("data", (bytes) => {
      const asksForTls = bytes.length === 8 && bytes.readUInt32BE(4) === sslRequest;
      encrypted.push(asksForTls);
      if (!asksForTls) {
        if (refusesPlain) client.end(refusal());
        else pipe(client, bytes);
        return;
      }
      client.write("S");
      pipe(new TLSSocket(client, { isServer: true, ...options }), null);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  return {
    port: address.port,
    encrypted,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** What a server answers whose `pg_hba.conf` lets in nobody without TLS. */
function refusal(): Buffer {
  const fields = ["SFATAL", "VFATAL", "C28000", "Mno pg_hba.conf entry for host, no encryption"];
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join("")}\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
