import { once } from "node:events";
import { createServer, type Socket } from "node:net";

export interface RawHttpServer extends AsyncDisposable {
  readonly origin: string;
  /** The first line of every request so far. */
  readonly seen: readonly string[];
}

/**
 * A server that answers requests without bodies by bytes of the test's own, so that it can break the rules of
 * HTTP. `answer` writes to the connection and ends it, if it is to end.
 */
export async function startRawHttpServer(
  answer: (socket: Socket, number: number) => void,
): Promise<RawHttpServer> {
  const seen: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    let text = "";
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      seen.push(text.slice(0, text.indexOf("\r\n")));
      text = "";
      answer(socket, seen.length);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the test server has no port");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    seen,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
