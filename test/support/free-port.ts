import { once } from "node:events";
import { createServer } from "node:net";

/** Systems hand out ports from 32768 on, macOS and Windows from 49152 on, to whoever asks for any. */
const lowest = 20_000;
const highest = 32_767;

/**
 * A port of loopback on which nothing listens now. It is none of those that the system hands out, so that no
 * other process is given it before the caller uses it, or uses it again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    const server = createServer();
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}
