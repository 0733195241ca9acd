import { describe, expect, it, onTestFinished } from "vitest";
import { postgresKeys } from "../../src/api/keys/postgres.ts";
import { KeyStore } from "../../src/api/keys/store.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { openPostgresState } from "../../src/state/storage/postgres/postgres.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { done, problemIn, type Running, startService } from "./support.ts";

/** Services of their own, with connections of their own, on one database. */
async function replicas(count: number): Promise<Running[]> {
  const { url, drop } = await createTestDatabase();
  onTestFinished(drop);
  return Promise.all(Array.from({ length: count }, () => replicaOn(url)));
}

async function replicaOn(url: string): Promise<Running> {
  const state = await openPostgresState(url);
  onTestFinished(() => state.close());
  const storage = await postgresKeys(url, { create: true });
  if (storage === null) throw new Error("no keys");
  const keys = new KeyStore(storage);
  onTestFinished(() => keys.close());
  return startService({ state, keys });
}

const path = "/v1/streams/sap_eu/suppliers";

/** Replicas in turn, as a load balancer would choose them. */
function inTurn(services: readonly Running[]): () => Running {
  let next = 0;
  return () => {
    const service = services[next++ % services.length];
    if (service === undefined) throw new Error("no replica");
    return service;
  };
}

describe("several services on one database", () => {
  it("carry one run between them, and know one another's keys", async () => {
    const services = await replicas(3);
    const any = inTurn(services);
    const key = any().admin;
    const run = done(
      await any().ask("POST", `${path}/begin`, { key, body: { run_id: "r1", cursor_type: "numeric_id" } }),
    );
    const named = { run_id: "r1", epoch: run.epoch };
    for (let sequence = 1; sequence <= 6; sequence++) {
      const body = { ...named, sequence, new_cursor_value: sequence * 10, records_processed: sequence };
      done(await any().ask("POST", `${path}/checkpoint`, { key, body }));
      done(await any().ask("POST", `${path}/heartbeat`, { key, body: named }));
    }
    const body = { ...named, new_cursor_value: 70, records_processed: 7 };
    for (const service of services) {
      expect(done(await service.ask("POST", `${path}/complete`, { key, body }))).toMatchObject({
        status: "completed",
        cursor_value: "70",
        records_processed: 7,
      });
    }
    expect(done(await any().ask("GET", "/v1/audit/verify", { key }))).toMatchObject({
      verified: true,
      rows: 7,
    });
    const id = String(done(await any().ask("GET", "/v1/key", { key })).id);
    done(await any().ask("POST", `/v1/keys/${id}/revoke`));
    for (const service of services) {
      expect(problemIn(await service.ask("GET", path, { key })).status).toBe(401);
    }
  });

  it("P4: grant one run to one of many that refuse to take over", async () => {
    const services = await replicas(2);
    const any = inTurn(services);
    const asked = Array.from({ length: 16 }, (_, n) =>
      any().ask("POST", `${path}/begin`, { body: { run_id: `r${n}`, if_running: "refuse" } }),
    );
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect(problemIn(answer)).toMatchObject({ status: 409, code: "RUN_ACTIVE", recoverable: true });
    }
  });

  it("P4: take nothing of a run that another has overridden, on whichever it comes", async () => {
    const services = await replicas(2);
    const any = inTurn(services);
    const runs = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        any().ask("POST", `${path}/begin`, { body: { run_id: `r${n}`, cursor_type: "opaque_token" } }),
      ),
    );
    const granted = runs.map((answer) => done(answer));
    expect(new Set(granted.map(({ epoch }) => epoch)).size).toBe(12);
    const ends = await Promise.all(
      granted.map(({ run_id, epoch }) =>
        any().ask("POST", `${path}/complete`, { body: { run_id, epoch, new_cursor_value: `by ${run_id}` } }),
      ),
    );
    const newest = granted.find(({ epoch }) => epoch === 12);
    for (const [index, answer] of ends.entries()) {
      if (granted[index] === newest) done(answer);
      else expect(problemIn(answer)).toMatchObject({ status: 409, code: "RUN_SUPERSEDED" });
    }
    expect(done(await any().ask("GET", path))).toMatchObject({ cursor_value: `by ${newest?.run_id}` });
  });
});

describe("a database that goes away", () => {
  it("is reported as 503 until it is back, and nothing has to be started anew", async () => {
    const { url, drop } = await createTestDatabase();
    onTestFinished(drop);
    const target = new URL(url);
    const proxy = await startTcpProxy({ host: target.hostname, port: Number(target.port) });
    onTestFinished(() => proxy.close());
    target.host = `127.0.0.1:${proxy.port}`;
    const service = await replicaOn(target.href);
    done(await service.ask("GET", "/v1/streams"));
    proxy.cut();
    const refused = await service.ask("POST", `${path}/begin`);
    expect(problemIn(refused)).toMatchObject({ status: 503, code: "STATE_UNAVAILABLE", recoverable: true });
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(refused.text).not.toContain(target.password);
    proxy.mend();
    done(await service.ask("POST", `${path}/begin`));
    done(await service.ask("GET", "/readyz"));
  });
});

describe("a client's clock", () => {
  it.each([-3_600_000, 3_600_000])("that is %i ms off changes nothing", async (off) => {
    const clock = new FakeClock();
    const state = openMemoryState({ clock });
    const service = await startService({ state, clock });
    const skewed = { headers: { date: new Date(clock.now() + off).toUTCString() } };
    const body = {
      run_id: "r1",
      lease_seconds: 60,
      owner: { host: "elsewhere", boot: "b", pid: 1, started_at: "1" },
    };
    const run = done(await service.ask("POST", `${path}/begin`, { body, ...skewed }));
    expect(run.started_at_utc).toBe(new Date(clock.now()).toISOString());
    const other = { body: { run_id: "r2", if_running: "refuse" }, ...skewed };
    await clock.advance(59_999);
    expect(problemIn(await service.ask("POST", `${path}/begin`, other)).code).toBe("RUN_ACTIVE");
    await clock.advance(1);
    done(await service.ask("POST", `${path}/begin`, other));
  });
});
