import { expect, it } from "vitest";
import { openMetricsPort } from "./metrics-port.ts";

const scrape = async () => ({ contentType: "text/plain", body: "" });

it("a metrics port that is taken is an error that may pass, so that a supervisor starts the process again", async () => {
  await using taken = await openMetricsPort("127.0.0.1", 0, scrape);
  const port = Number(new URL(taken.url).port);
  await expect(openMetricsPort("127.0.0.1", port, scrape)).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    message: expect.stringContaining(`--metrics-port: 127.0.0.1:${port} cannot be listened on`),
    recoverable: true,
  });
});
