import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { readBody } from "./requests.ts";

test("a body whose client has disconnected before it is read is an error, and not waited for", async () => {
  const incoming = new IncomingMessage(new Socket());
  const closed = new Promise((resolve) => incoming.once("close", resolve));
  incoming.destroy();
  await closed;
  const raw = new Request("http://localhost/v1/streams/a/b/begin", { method: "POST" });

  const read = readBody({ raw, incoming, header: () => undefined }, 1000);

  await expect(read).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
});
