import { join } from "node:path";
import { expect, test } from "vitest";
import { attemptSync, definePipeline } from "../src/index.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { testFolder } from "./support/command.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

test("a run warns of milliseconds that are declared as seconds, once, and of nothing where the unit is right", async () => {
  await using server = await startHttpServer((_request, response) =>
    sendJson(
      response,
      [1, 2].map((id) => ({ id, at: 1_772_496_000_000 + id })),
    ),
  );
  const warnings = async (format: string) => {
    const pipeline = definePipeline({
      name: "events",
      input: {
        type: "httpPolling",
        endpoint: server.origin,
        key: "id",
        statePersistence: { timestamp: { field: "at", format, queryParam: "since" } },
      },
      output: { type: "file", path: join(testFolder(), `${format}.jsonl`) },
    });
    const result = await attemptSync(pipeline, { state: openMemoryState() });
    expect(result.error).toBeNull();
    return result.warnings.map(({ code, count }) => [code, count]);
  };
  expect(await warnings("epoch_s")).toEqual([["EPOCH_UNIT", 1]]);
  expect(await warnings("epoch_us")).toEqual([["EPOCH_UNIT", 1]]);
  expect(await warnings("epoch_ms")).toEqual([]);
});
