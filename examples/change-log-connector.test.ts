import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { connectorInput, definePipeline, openState, sync } from "../src/index.ts"; // "tidemark"
import { crashTest, MemoryTable, memoryOutput } from "../testing/index.ts"; // "tidemark/testing"
import connector from "./change-log-connector.ts";

/** A log of changes with this many entries, and a pipeline that reads it by the connector. */
async function bench(entries: number) {
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://log").searchParams;
    const first = Number(query.get("after")) + 1;
    const last = Math.min(entries, first + Number(query.get("limit")) - 1);
    const changes = [];
    for (let seq = first; seq <= last; seq++) changes.push({ seq, text: `change ${seq}` });
    response.end(JSON.stringify({ changes, more: last < entries }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : "";
  const table = new MemoryTable();
  const pipeline = definePipeline({
    name: "change-log",
    input: connectorInput(connector, {
      config: { url: `http://127.0.0.1:${port}`, token: "a-token", pageSize: 2 },
    }),
    output: memoryOutput(table),
  });
  return { pipeline, table };
}

test("the connector yields every change once, page by page", async () => {
  const { pipeline, table } = await bench(5);
  await using state = await openState("memory:");
  expect(await sync(pipeline, { state })).toMatchObject({ recordsWritten: 5, newCursor: "5" });
  expect(table.rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect(await sync(pipeline, { state })).toMatchObject({ recordsWritten: 0 });
});

test("whatever call of a run it is that crashes, nothing is lost or repeated", async () => {
  const { pipeline } = await bench(5);
  const report = await crashTest(pipeline);
  expect(report.findings).toEqual([]);
  expect(report.histories).toBeGreaterThan(20);
});
