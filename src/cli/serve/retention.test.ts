import { expect, test } from "vitest";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { openLog } from "../../observability/log.ts";
import { States } from "../start/states.ts";
import { keepHistoryShort } from "./retention.ts";

test("the history is shortened at once and every hour, for each stream, and the audit log is not", async () => {
  await using states = new States((state) => state);
  const state = await states.open("memory:");
  const lines: string[] = [];
  const log = await openLog({ level: "info", pretty: false, write: (line) => lines.push(line) });
  const clock = new FakeClock();
  const stop = new AbortController();
  const key = { connector: "acme", stream: "events" };
  const make = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      const run = await state.begin(key, { cursorType: "numeric_id" });
      await state.complete(run, { newCursor: String(run.epoch) });
    }
  };
  const epochs = async () => (await state.runs(key)).items.map(({ epoch }) => epoch);

  await make(5);
  const keeping = keepHistoryShort(states, { keepRuns: 2 }, { clock, log, signal: stop.signal });
  await clock.whenSleeping();
  expect(await epochs()).toEqual([5, 4]);
  await make(3);
  await clock.advance(60 * 60 * 1000);
  expect(await epochs()).toEqual([8, 7]);
  expect(await state.verifyAudit()).toEqual({ streams: 1, rows: 8 });
  expect(lines.map((line) => JSON.parse(line).runs)).toEqual([3, 3]);
  stop.abort();
  await keeping;
});
