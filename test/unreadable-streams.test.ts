import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { positionFormat } from "../src/model/position.ts";
import { Metrics } from "../src/observability/metrics.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openHttpState } from "../src/state/storage/http/http.ts";
import { openState } from "../src/state/storage/open.ts";
import { execute } from "./cli/support.ts";
import { done, startService } from "./service/support.ts";
import { createTestDatabase } from "./support/postgres.ts";

const names = ["a", "b", "c", "d"];
const keyOf = (stream: string) => ({ connector: "acme", stream });

/** A state with four streams, and a way to damage the rows of two: one is no cursor, one is of a newer format. */
interface Kept {
  readonly url: string;
  damage(): Promise<void>;
}

const damages = [
  "UPDATE tidemark_streams SET cursor_value = 'tomorrow' WHERE stream = 'b'",
  `UPDATE tidemark_streams SET position = replace(position, '"format":${positionFormat}', '"format":99') WHERE stream = 'c'`,
];

const backends: Readonly<Record<string, () => Promise<Kept>>> = {
  async sqlite() {
    const file = join(temporaryFolder(), "state.db");
    return {
      url: `sqlite:${file}`,
      damage: async () => {
        const db = new DatabaseSync(file);
        for (const sql of damages) db.exec(sql);
        db.close();
      },
    };
  },
  async postgres() {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    return {
      url: database.url,
      damage: async () => {
        const client = new pg.Client({ connectionString: database.url });
        await client.connect();
        for (const sql of damages) await client.query(sql);
        await client.end();
      },
    };
  },
  async files() {
    const folder = temporaryFolder();
    return {
      url: `file:${folder}`,
      damage: async () => {
        writeFileSync(join(folder, "acme", "b.json"), "no JSON");
        const file = join(folder, "acme", "c.json");
        writeFileSync(
          file,
          readFileSync(file, "utf8").replace(`"format": ${positionFormat}`, '"format": 99'),
        );
      },
    };
  },
};

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-unreadable-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function damaged(open: () => Promise<Kept>): Promise<{ url: string; state: StateStore }> {
  const { url, damage } = await open();
  const state = await openState(url);
  onTestFinished(() => state.close());
  for (const [index, name] of names.entries()) {
    const run = await state.begin(keyOf(name), { cursorType: "numeric_id" });
    await state.complete(run, { newCursor: String(index + 1) });
  }
  await damage();
  return { url, state };
}

/** All pages, as which stream is what. */
async function listed(state: StateStore, limit: number, connector?: string): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  for (;;) {
    const {
      items,
      next,
      unreadable = [],
    } = await state.list({
      limit,
      unreadable: "include",
      ...(connector === undefined ? {} : { connector }),
      ...(after === undefined ? {} : { after }),
    });
    found.push(...items.map(({ key, position }) => `${key.stream} ${position.watermark}`));
    found.push(...unreadable.map(({ key, error }) => `${key.stream} ${error.code}`));
    if (next === null) return found.sort();
    after = next;
  }
}

const all = ["a 1", "b STATE_UNREADABLE", "c STATE_TOO_NEW", "d 4"];

for (const [name, open] of Object.entries(backends)) {
  test(`P10: streams next to one that cannot be read are listed, and it is reported: ${name}`, async () => {
    const { state } = await damaged(open);
    await expect(state.list()).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    for (const limit of [1, 2, 3, 100]) expect(await listed(state, limit), `by ${limit}`).toEqual(all);
    expect(await listed(state, 2, "acme")).toEqual(all);
    expect(await listed(state, 2, "other")).toEqual([]);
  });

  test(`metrics tell of the others, and mark the one that cannot be read: ${name}`, async () => {
    const { state } = await damaged(open);
    const metrics = new Metrics({ version: "1", streams: () => [{ state }] });
    const { body } = await metrics.scrape();
    expect(body).toMatch(/^tidemark_state_up 1$/m);
    for (const stream of ["b", "c"]) {
      expect(body).toContain(`tidemark_stream_unreadable{connector="acme",stream="${stream}"} 1`);
    }
    for (const stream of ["a", "d"]) {
      expect(body).toContain(`tidemark_stream_succeeded{connector="acme",stream="${stream}"} 1`);
    }
  });

  test(`state list prints the others, says which cannot be read, and ends with 1: ${name}`, async () => {
    const { url } = await damaged(open);
    const text = await execute(["state", "list", "--state", url], { cwd: tmpdir() });
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/acme +a +completed +1 /);
    expect(text.stdout).toMatch(/acme +b +unreadable +- /);
    expect(text.stdout).toMatch(/acme +d +completed +4 /);
    expect(text.stderr).toContain("STATE_UNREADABLE");
    expect(text.stderr).toContain("STATE_TOO_NEW");
    const json = await execute(["state", "list", "--json", "--state", url], { cwd: tmpdir() });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { stream: "a", status: "completed" },
      { stream: "b", status: "unreadable", error: { code: "STATE_UNREADABLE" } },
      { stream: "c", status: "unreadable", error: { code: "STATE_TOO_NEW" } },
      { stream: "d", status: "completed" },
    ]);
  });

  test(`the service lists it next to the others, to keys that may see it: ${name}`, async () => {
    const { state } = await damaged(open);
    const service = await startService({ state });
    const path = "/v1/streams?unreadable=include&limit=3";
    const { items, unreadable } = Object(done(await service.ask("GET", path)));
    expect(items).toMatchObject([{ stream: "a" }]);
    expect(unreadable).toMatchObject([
      { connector: "acme", stream: "b", code: "STATE_UNREADABLE", hint: expect.any(String) },
      { connector: "acme", stream: "c", code: "STATE_TOO_NEW" },
    ]);
    expect((await service.ask("GET", "/v1/streams")).status).toBe(500);
    for (const key of [service.admin, await service.key("read", ["acme"])]) {
      await using remote = openHttpState(service.url, { key });
      for (const limit of [1, 2, 100]) expect(await listed(remote, limit)).toEqual(all);
    }
    await using elsewhere = openHttpState(service.url, { key: await service.key("read", ["other"]) });
    expect(await listed(elsewhere, 2)).toEqual([]);
  });
}
