import { describe, expect, test } from "vitest";
import { sync } from "../src/engine/run/sync.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

/** Local times of the night when a zone's clocks are put back, as they come in. */
const nights = {
  "Europe/Berlin": [["02:30", "02:50"], ["02:10", "02:40"], ["03:05"]],
  "America/New_York": [["01:30", "01:50"], ["01:10", "01:40"], ["02:05"]],
} as const;
const days = { "Europe/Berlin": "2025-10-26", "America/New_York": "2025-11-02" } as const;

describe.each(["Europe/Berlin", "America/New_York"] as const)(
  "P6: an API with local times of %s",
  (timezone) => {
    test.each([
      ["yyyy-MM-dd HH:mm:ss", " ", "ascending"],
      ["yyyy-MM-dd HH:mm:ss", " ", "unordered"],
      ["iso8601", "T", "ascending"],
      ["iso8601", "T", "unordered"],
    ] as const)(
      "loses and repeats none of the hour that comes twice (%s, %s, %s)",
      async (format, between, order) => {
        const rows: { id: number; at: string }[] = [];
        await using server = await startHttpServer(({ url }, response) => {
          const since = url.searchParams.get("since") ?? "";
          sendJson(response, { list: rows.filter(({ at }) => at >= since) });
        });
        const input = createHttpPolling(
          httpPollingSchema.parse({
            type: "httpPolling",
            endpoint: `${server.origin}/jobs`,
            dataField: "list",
            key: "id",
            statePersistence: { timestamp: { field: "at", format, timezone, queryParam: "since" }, order },
          }),
          { random: () => 0 },
        );
        const table = new MemoryTable();
        const state = openMemoryState();
        const pipeline = {
          name: "night",
          key: { connector: "acme", stream: "night" },
          onConcurrentRun: "skip",
          leaseSeconds: 60,
          input,
          filters: [],
          output: memoryOutput(table, { appends: true }),
        } as const;
        for (const times of nights[timezone]) {
          for (const time of times)
            rows.push({ id: rows.length + 1, at: `${days[timezone]}${between}${time}:00` });
          await sync(pipeline, { state });
        }
        await sync(pipeline, { state });
        expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
      },
    );
  },
);
