import { expect, test } from "vitest";
import { connectorInput, defineConnector, definePipeline, openState, sync } from "../src/index.ts"; // "tidemark"
import { MemoryTable, memoryOutput } from "../testing/index.ts"; // "tidemark/testing"
import paymentLines from "./payment-lines.ts";

const payment = {
  id: 7,
  currency: "EUR",
  source: "bank",
  lines: [
    { text: "rent", amount: 900 },
    { text: "heating", amount: 80 },
  ],
};

test("a payment becomes a record for each of its lines, and one without lines is dropped", () => {
  expect(paymentLines(payment)).toEqual([
    { payment: 7, line: 1, text: "rent", amount: 900, currency: "EUR", source: "bank" },
    { payment: 7, line: 2, text: "heating", amount: 80, currency: "EUR", source: "bank" },
  ]);
  expect(paymentLines({ ...payment, lines: [] })).toBeNull();
});

test("in a pipeline it drops what has no lines, and a payment that it cannot take is left out with a warning", async () => {
  const payments = defineConnector({
    id: "payments",
    async *sync() {
      yield { records: [payment, { ...payment, id: 8, lines: [] }, { id: 9 }], cursor: "end" };
    },
  });
  const table = new MemoryTable();
  const pipeline = definePipeline({
    name: "payments",
    input: connectorInput(payments, { key: "id" }),
    filters: [
      { type: "script", path: new URL("payment-lines.ts", import.meta.url).pathname, onError: "skip" },
    ],
    output: memoryOutput(table),
  });
  await using state = await openState("memory:");
  const result = await sync(pipeline, { state });
  expect(result).toMatchObject({ recordsRead: 3, recordsWritten: 2, recordsRefused: 1 });
  expect(result.filters).toMatchObject([{ given: 3, dropped: 1 }]);
  expect(table.rows.map(({ text }) => text)).toEqual(["rent", "heating"]);
});
