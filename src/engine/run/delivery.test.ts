import { expect, test } from "vitest";
import { Bench, record } from "../../../test/support/engine-bench.ts";
import type { Batch, Filter, Input, Output } from "../ports.ts";

const columns = [
  { name: "id", kind: "integer" },
  { name: "updated_at", kind: "text" },
] as const;

/** The same input, which says of each page what its columns are. */
function describing(input: Input): Input {
  return {
    ...input,
    async open(context) {
      const session = await input.open(context);
      return {
        ...session,
        async *read(request) {
          for await (const page of session.read(request)) yield { ...page, columns };
        },
      };
    },
  };
}

/** The same output, with each batch that it is given put down. */
function recording(output: Output, batches: Batch[]): Output {
  return {
    ...output,
    async open(context) {
      const session = await output.open(context);
      const write = session.write.bind(session);
      session.write = (batch) => {
        batches.push(batch);
        return write(batch);
      };
      return session;
    },
  };
}

const filter: Filter = { kind: "function", apply: (records) => records };

test.each([
  ["is given to the output", [], columns],
  ["is not given to the output where a filter may have changed it", [filter], undefined],
])("what an input knows of its columns %s", async (_what, filters, expected) => {
  const bench = new Bench();
  bench.source.records = [1, 2, 3, 4].map((id) => record(id, id));
  const batches: Batch[] = [];
  const { input, output } = bench.pipeline;
  await new Bench({
    pipeline: { input: describing(input), output: recording(output, batches), filters },
  }).run();
  expect(batches.map((batch) => batch.columns)).toEqual([expected, expected]);
});
