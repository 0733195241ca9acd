import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { TidemarkError } from "../src/errors.ts";
import { Metrics } from "../src/observability/metrics.ts";
import { overriding } from "../src/observability/overriding.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openHttpState } from "../src/state/storage/http/http.ts";
import { openState } from "../src/state/storage/open.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { temporaryFolder } from "./cli/support.ts";
import { done, problemIn, startService } from "./service/support.ts";
import { createTestDatabase } from "./support/postgres.ts";

const key = { connector: "acme", stream: "events" };
/** Whether this process may mount: in a container without the right to, these cases cannot be set up. */
const canMount = spawnSync("unshare", ["--mount", "true"]).status === 0 && process.getuid?.() === 0;

/** A disk of one megabyte. */
function smallDisk(options = "size=1m"): { folder: string; fill(): void; free(): void } {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-small-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true });
  });
  const filler = join(folder, "filler");
  return {
    folder,
    fill: () => {
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4k"]);
    },
    free: () => rmSync(filler),
  };
}

/** How a service and the metrics see a state, each time a while after the last. */
async function onlookers(state: StateStore) {
  const clock = new FakeClock();
  const metrics = new Metrics({ version: "1", clock, streams: () => [{ state }] });
  const service = await startService({ state, clock });
  return async (): Promise<{ ready: number; up: string | undefined; problem: string }> => {
    await clock.advance(1_000);
    const answer = await service.ask("GET", "/readyz");
    const { body } = await metrics.scrape();
    return {
      ready: answer.status,
      up: /^tidemark_state_up (\d)$/m.exec(body)?.[1],
      problem: answer.status === 200 ? "" : problemIn(answer).detail,
    };
  };
}

for (const scheme of ["sqlite", "file"]) {
  it.skipIf(!canMount)(
    `a ${scheme} state on a full disk is not ready until there is room again`,
    async () => {
      const disk = smallDisk();
      const path = scheme === "sqlite" ? join(disk.folder, "state.db") : join(disk.folder, "kept");
      await using state = await openState(`${scheme}:${path}`);
      await state.begin(key, { cursorType: "numeric_id" });
      const look = await onlookers(state);
      expect(await look()).toMatchObject({ ready: 200, up: "1" });
      disk.fill();
      expect(await look()).toMatchObject({
        ready: 503,
        up: "0",
        problem: expect.stringMatching(/full|no space/i),
      });
      disk.free();
      expect(await look()).toMatchObject({ ready: 200, up: "1" });
      expect(readdirSync(disk.folder).filter((name) => name.includes("probe"))).toEqual([]);
    },
  );
}

it.skipIf(!canMount)("state in files that come to be read-only is not ready until they are not", async () => {
  const folder = temporaryFolder();
  execFileSync("mount", ["--bind", folder, folder]);
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", folder]);
  });
  await using state = await openState(`file:${join(folder, "kept")}`);
  const look = await onlookers(state);
  expect(await look()).toMatchObject({ ready: 200, up: "1" });
  execFileSync("mount", ["-o", "remount,bind,ro", folder]);
  expect(await look()).toMatchObject({ ready: 503, up: "0", problem: expect.stringMatching(/read-only/) });
  execFileSync("mount", ["-o", "remount,bind,rw", folder]);
  expect(await look()).toMatchObject({ ready: 200, up: "1" });
});

it("a PostgreSQL that takes no writes is not ready until it does", async () => {
  const database = await createTestDatabase();
  const state = await openPostgresState(database.url);
  onTestFinished(async () => {
    await state.close();
    await database.drop();
  });
  const look = await onlookers(state);
  expect(await look()).toMatchObject({ ready: 200, up: "1" });
  const name = new URL(database.url).pathname.slice(1);
  const setReadOnly = async (value: string): Promise<void> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("SET default_transaction_read_only = off");
    await client.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = ${value}`);
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    await client.end();
  };
  await setReadOnly("on");
  expect(await look()).toMatchObject({ ready: 503, up: "0", problem: expect.stringContaining("read-only") });
  await setReadOnly("off");
  expect(await look()).toMatchObject({ ready: 200, up: "1" });
});

it.skipIf(!canMount)("a PostgreSQL whose tables cannot grow is not ready until they can", async () => {
  const place = await createTestDatabase();
  const server = new pg.Client({ connectionString: place.url });
  await server.connect();
  const { rows } = await server.query<{ data_directory: string }>("SHOW data_directory");
  const { uid, gid } = statSync(rows[0]?.data_directory ?? "");
  const disk = smallDisk(`size=24m,mode=700,uid=${uid},gid=${gid}`);
  const name = `small_${process.pid}`;
  await server.query(`CREATE TABLESPACE ${name} LOCATION '${disk.folder}'`);
  await server.query(`CREATE DATABASE ${name} TABLESPACE ${name}`);
  const url = new URL(place.url);
  url.pathname = `/${name}`;
  const state = await openPostgresState(url.href);
  onTestFinished(async () => {
    await state.close();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.query(`DROP TABLESPACE ${name}`);
    await server.end();
    await place.drop();
  });
  const look = await onlookers(state);
  expect(await look()).toMatchObject({ ready: 200, up: "1" });
  disk.fill();
  const fillTables = async (): Promise<void> => {
    for (let n = 0; n < 1_000; n++) {
      await state.begin({ connector: `a${n}`, stream: "x".repeat(100) }, { cursorType: "numeric_id" });
    }
  };
  await expect(fillTables()).rejects.toMatchObject({ code: "STATE_UNAVAILABLE" });
  expect(await look()).toMatchObject({ ready: 503, up: "0", problem: expect.stringMatching(/no space/i) });
  disk.free();
  expect(await look()).toMatchObject({ ready: 200, up: "1" });
});

it("a PostgreSQL probe waits for nobody who writes, and changes nothing that counts", async () => {
  const database = await createTestDatabase();
  const state = await openPostgresState(database.url);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await state.close();
    await database.drop();
  });
  const stored = async () => (await client.query("SELECT * FROM tidemark_schema")).rows;
  const before = await stored();
  await state.probe();
  expect(await stored()).toEqual(before);
  await client.query("BEGIN; UPDATE tidemark_schema SET version = version");
  await state.probe();
  await client.query("ROLLBACK");
});

it("a worker tells whether the service that keeps its state can write it", async () => {
  await using kept = await openState(`sqlite:${join(temporaryFolder(), "state.db")}`);
  let full = false;
  const state = overriding(kept, {
    probe: async () => {
      if (full) throw new TidemarkError("STATE_UNAVAILABLE", "state.db: the disk is full");
    },
  });
  const clock = new FakeClock();
  const service = await startService({ state, clock });
  await using remote = openHttpState(service.url, { key: service.admin });
  const metrics = new Metrics({ version: "1", clock, streams: () => [{ state: remote }] });
  const up = async (): Promise<string | undefined> => {
    await clock.advance(1_000);
    return /^tidemark_state_up (\d)$/m.exec((await metrics.scrape()).body)?.[1];
  };
  expect(await up()).toBe("1");
  full = true;
  expect(await up()).toBe("0");
  await expect(remote.probe()).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
    message: expect.stringContaining("the disk is full"),
  });
  full = false;
  expect(await up()).toBe("1");
});

it("looking whether a state can be written changes no stream and no log, however often it is asked", async () => {
  const file = join(temporaryFolder(), "state.db");
  await using state = await openState(`sqlite:${file}`);
  await state.begin(key, { cursorType: "numeric_id" });
  const clock = new FakeClock();
  const service = await startService({ state, clock });
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  other.exec("PRAGMA user_version = 7");
  const tables = () =>
    other
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all()
      .map(({ name }) => other.prepare(`SELECT * FROM "${name}"`).all());
  const [before, changes] = [tables(), () => other.prepare("PRAGMA data_version").get()];
  const first = changes();
  done(await service.ask("GET", "/readyz"));
  const second = changes();
  expect(second).not.toEqual(first);
  for (let n = 0; n < 5; n++) done(await service.ask("GET", "/readyz"));
  expect(changes()).toEqual(second);
  expect(tables()).toEqual(before);
  expect(other.prepare("PRAGMA user_version").get()).toEqual({ user_version: 7 });
});

it.skipIf(process.getuid?.() !== 0)("a folder that this user may not write to is not ready", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "kept"));
  writeFileSync(join(folder, "kept", "acme.json"), "{}");
  execFileSync("chmod", ["755", folder]);
  await using state = await openState(`file:${join(folder, "kept")}`);
  process.seteuid?.(65_534);
  try {
    await expect(state.probe()).rejects.toMatchObject({ code: "STATE_UNAVAILABLE" });
  } finally {
    process.seteuid?.(0);
  }
  await state.probe();
});
