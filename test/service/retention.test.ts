import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { keepHistoryShort } from "../../src/cli/serve/retention.ts";
import { openState, type StateStore } from "../../src/index.ts";
import { openLog } from "../../src/observability/log.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { execute, temporaryFolder } from "../cli/support.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { ask, done, serveProcess } from "./support.ts";

const key = { connector: "acme", stream: "orders" };

async function makeRuns(state: StateStore, stream: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const run = await state.begin({ ...key, stream }, { cursorType: "numeric_id" });
    await state.complete(run, { newCursor: String(run.epoch) });
  }
}

async function epochsOf(state: StateStore, stream: string): Promise<number[]> {
  return (await state.runs({ ...key, stream }, { limit: 1000 })).items.map(({ epoch }) => epoch);
}

it("a service that starts deletes the runs that are not to be kept, and no row of the audit log", async () => {
  const cwd = temporaryFolder();
  await using state = await openState(`sqlite:${join(cwd, "state.db")}`);
  await makeRuns(state, "orders", 5);
  const served = await serveProcess(["--state", "sqlite:state.db", "--keep-runs", "2"], cwd);
  await served.stderrHolds("old runs were deleted from the history");
  const admin = readFileSync(join(cwd, "admin.key"), "utf8").trim();
  const { items } = done(await ask(served.url, "GET", "/v1/streams/acme/orders/runs", { key: admin }));
  expect(items).toMatchObject([{ epoch: 5 }, { epoch: 4 }]);
  expect(await state.verifyAudit()).toEqual({ streams: 1, rows: 5 });
  served.child.kill("SIGTERM");
  expect((await served.ended).code).toBe(0);
});

it.each([
  [["serve", "--keep-runs", "0"], "--keep-runs is 0"],
  [["serve", "--keep-days", "1.5"], "--keep-days is 1.5"],
  [["serve", "--keep-days", "36501"], "from 1 to 36500"],
])("%j is refused with code 2", async (args, reason) => {
  const { code, stdout, stderr } = await execute(args, { cwd: temporaryFolder() });
  expect(stderr).toContain(reason);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

const databases = {
  async sqlite() {
    return `sqlite:${join(temporaryFolder(), "state.db")}`;
  },
  async postgres() {
    const { url, drop } = await createTestDatabase();
    onTestFinished(drop);
    return url;
  },
};

it.each(["sqlite", "postgres"] as const)(
  "P12: many replicas keep one history short at the same time, while runs go on: %s",
  async (backend) => {
    const url = await databases[backend]();
    const states: StateStore[] = [];
    for (let n = 0; n < 4; n++) states.push(await openState(url));
    onTestFinished(async () => void (await Promise.all(states.map((state) => state.close()))));
    const [worker] = states;
    if (worker === undefined) throw new Error("no state");
    const streams = ["a", "b", "c", "d"];
    for (const stream of streams) await makeRuns(worker, stream, 60);
    const clock = new FakeClock();
    const stop = new AbortController();
    const lines: Record<string, unknown>[] = [];
    const log = await openLog({
      level: "info",
      pretty: false,
      write: (line) => lines.push(JSON.parse(line)),
    });
    const working = Promise.all(streams.map((stream) => makeRuns(worker, stream, 20)));
    const keeping = states.map((state) =>
      keepHistoryShort({ opened: [{ url, state }] }, { keepRuns: 10 }, { clock, log, signal: stop.signal }),
    );
    await working;
    await clock.whenSleeping(states.length);
    await clock.advance(60 * 60 * 1000);
    await clock.whenSleeping(states.length);
    stop.abort();
    await Promise.all(keeping);
    for (const stream of streams) {
      expect(await epochsOf(worker, stream)).toEqual(Array.from({ length: 10 }, (_, n) => 80 - n));
    }
    expect(await worker.verifyAudit()).toEqual({ streams: 4, rows: 4 * 80 });
    expect(lines.filter(({ level }) => level !== "info")).toEqual([]);
    expect(lines.reduce((sum, { runs }) => sum + Number(runs), 0)).toBe(4 * 70);
  },
);
