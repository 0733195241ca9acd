import { describe, test } from "vitest";
import { z } from "zod";
import { httpRequestOutput } from "../../../test/support/http-request.ts";
import { startHttpServer } from "../../../test/support/http-server.ts";
import { outputContract } from "../../../testing/output-suite.ts";

const recordSchema = z.object({ id: z.int(), value: z.string() });
const tooMuch = "too much";

describe.each([1, 100])("an endpoint that takes %i records with a request", (size) => {
  const cases = outputContract(
    async () => {
      const ids: number[] = [];
      const server = await startHttpServer(({ body }, response) => {
        const given = z.array(recordSchema).parse([JSON.parse(body)].flat());
        const isRefused = given.some(({ value }) => value === tooMuch);
        if (!isRefused) ids.push(...given.map(({ id }) => id));
        response.writeHead(isRefused ? 422 : 204).end();
      });
      return {
        output: httpRequestOutput({ endpoint: `${server.origin}/orders`, batch: { size } }),
        ids: async () => ids,
        refused: (id) => ({ id, value: tooMuch }),
        dispose: async () => server[Symbol.asyncDispose](),
      };
    },
    { guarantee: "at-least-once" },
  );
  for (const { name, run } of cases) test(name, run);
});
