import { describe, expect, onTestFinished, test } from "vitest";
import { deltaRun } from "../../src/delta-run/delta-run.ts";
import { emptyPosition } from "../../src/model/position.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { LeaseKeeper } from "../../src/state/lease-keeper.ts";
import { type LeaseOwner, processOwner } from "../../src/state/owner.ts";
import { type HttpStateOptions, openHttpState } from "../../src/state/storage/http/http.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { serveState } from "../support/http-state.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const numeric = { cursorType: "numeric_id" } as const;
const refuse = { ...numeric, ifRunning: "refuse" } as const;
const active = { code: "RUN_ACTIVE" };

/** A service by a clock of its own, and clients of it as machines of their own have them. */
async function served() {
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  const behind = openMemoryState({ clock });
  const { url, close } = await serveState(behind, clock);
  onTestFinished(() => close(0));
  const client = (options: HttpStateOptions = {}): StateStore => {
    const store = openHttpState(url, options);
    onTestFinished(() => store.close());
    return store;
  };
  return { clock, behind, client };
}

describe.each([
  ["an hour behind", "2025-12-31T23:00:00Z"],
  ["an hour ahead", "2026-01-01T01:00:00Z"],
])("with the client's clock %s of the service's", (_, time) => {
  test("a lease is held and runs out by the service's clock", async () => {
    const { clock, client } = await served();
    const own = new FakeClock(time);
    const [here, there] = [client({ clock: own }), client({ clock: own })];
    const held = await here.begin(key, { ...refuse, leaseSeconds: 60 });
    expect(held.startedAtUtc).toBe("2026-01-01T00:00:00.000Z");
    expect((await there.get(key))?.lease?.expiresAtUtc).toBe("2026-01-01T00:01:00.000Z");
    await own.advance(7_200_000);
    await clock.advance(59_000);
    await expect(there.begin(key, refuse)).rejects.toMatchObject(active);
    await here.heartbeat(held);
    await clock.advance(59_000);
    await expect(there.begin(key, refuse)).rejects.toMatchObject(active);
    await clock.advance(1000);
    expect((await there.begin(key, refuse)).supersededRunId).toBe(held.runId);
    await expect(here.heartbeat(held)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  });

  test("heartbeats keep a silent run's lease, and tell it when the stream is taken from it", async () => {
    const { clock, behind, client } = await served();
    const own = new FakeClock(time);
    const store = client({ clock: own });
    const run = await store.begin(key, { ...numeric, leaseSeconds: 60 });
    using lease = new LeaseKeeper(store, run, own, { onStop: () => {} });
    for (let third = 1; third <= 6; third++) {
      await clock.advance(20_000);
      await own.whenSleeping();
      await own.advance(20_000);
      const expires = new Date(Date.parse("2026-01-01T00:01:00Z") + third * 20_000).toISOString();
      await expect.poll(async () => (await behind.get(key))?.lease?.expiresAtUtc).toBe(expires);
      await expect(client().begin(key, refuse)).rejects.toMatchObject(active);
    }
    await behind.begin(key, numeric);
    await own.whenSleeping();
    const lost = new Promise((resolve) => lease.signal.addEventListener("abort", resolve));
    await own.advance(20_000);
    await lost;
    expect(lease.signal.reason).toMatchObject({ code: "RUN_SUPERSEDED" });
  });

  test("a run's times in the history and the audit log are the service's", async () => {
    const { clock, behind, client } = await served();
    await deltaRun(
      client(),
      { ...key, cursorType: "numeric_id", clock: new FakeClock(time) },
      async (run) => {
        await clock.advance(5000);
        run.setNewCursor(1);
      },
    );
    expect((await behind.runs(key)).items).toMatchObject([
      { startedAtUtc: "2026-01-01T00:00:00.000Z", endedAtUtc: "2026-01-01T00:00:05.000Z" },
    ]);
    expect((await behind.audit({ key })).items).toMatchObject([{ atUtc: "2026-01-01T00:00:05.000Z" }]);
  });
});

/** A process that no longer lives, as it owned a lease. */
const dead: LeaseOwner = { ...processOwner(), pid: 2 ** 22 + 1 };

describe("a lease whose process is dead", () => {
  test("is not judged by the service, which has its clients' processes on machines of their own", async () => {
    const { behind, client } = await served();
    const elsewhere = client({ isDead: () => false });
    // The same machine by name and number, as a copy of it is, and with the same boot for good measure.
    for (const owner of [dead, { ...dead, boot: "another boot" }]) {
      const held = await elsewhere.begin(key, { ...numeric, owner });
      expect((await elsewhere.get(key))?.lease?.owner).toEqual(owner);
      await expect(elsewhere.begin(key, refuse)).rejects.toMatchObject(active);
      await expect(behind.begin(key, refuse)).rejects.toMatchObject(active);
      await elsewhere.fail(held, { error: "x" });
    }
  });

  test("is free at once to a client on the machine of that process, and to no other", async () => {
    const { client } = await served();
    const owner: LeaseOwner = { host: "worker-7", boot: "b", pid: 4711, startedAt: "1" };
    const worker = client({ isDead: ({ host, pid }) => host === "worker-7" && pid === 4711 });
    const held = await worker.begin(key, { ...numeric, owner });
    await expect(client().begin(key, refuse)).rejects.toMatchObject(active);
    const next = await worker.begin(key, refuse);
    expect(next).toMatchObject({ epoch: 2, supersededRunId: held.runId });
    expect((await worker.runs(key)).items[1]).toMatchObject({
      runId: held.runId,
      outcome: "failed",
      error: "the process that ran it has ended",
    });
    await expect(worker.heartbeat(held)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  });

  test("of a machine with this one's name that was started at another time is held until it runs out", async () => {
    const { clock, client } = await served();
    const store = client();
    await store.begin(key, { ...numeric, owner: { ...dead, boot: "another boot" } });
    await expect(store.begin(key, refuse)).rejects.toMatchObject(active);
    await clock.advance(60_000);
    await store.begin(key, refuse);
  });

  test("of a backfill is free in the same way, and the backfill goes on", async () => {
    const { client } = await served();
    const store = client();
    const backfill = { ...refuse, kind: "backfill", backfill: "b1" } as const;
    const held = await store.begin(key, { ...backfill, owner: dead });
    const position = { ...emptyPosition, watermark: "5" };
    await store.checkpoint(held, { sequence: 1, position, recordsProcessed: 5 });
    const next = await store.begin(key, backfill);
    expect(next).toMatchObject({ epoch: 2, supersededRunId: held.runId, position: { watermark: "5" } });
  });

  test("of many clients that find it dead at once, one gets the stream", async () => {
    const { client } = await served();
    const clients = Array.from({ length: 12 }, () => client());
    const [first] = clients;
    await first?.begin(key, { ...numeric, owner: dead });
    const begun = await Promise.allSettled(
      clients.map((store) => store.begin(key, { ...refuse, owner: processOwner() })),
    );
    const refusals = begun.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(refusals).toHaveLength(11);
    for (const refusal of refusals) expect(refusal).toMatchObject(active);
  });
});

test("a tie set of ten thousand fits into every call that carries a position", async () => {
  const { behind, client } = await served();
  const store = client();
  const tieSet = Array.from({ length: 10_000 }, (_, n) => ({
    identity: `${n} ${"identity ".repeat(30)}`,
    cursor: "12345678901234567890",
    count: 1,
  }));
  const position = { ...emptyPosition, watermark: "12345678901234567890", tieSet };
  const run = await store.begin(key, numeric);
  await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 1 });
  await store.complete(run, { position });
  expect((await store.begin(key, numeric)).position.tieSet).toHaveLength(10_000);
  const reached = await store.import(await store.export(key), { reason: "x", actor: "ada" });
  expect(reached.position).toEqual((await behind.get(key))?.position);
});
