import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { emptyPosition } from "../../../model/position.ts";
import type { StateStore } from "../../contract.ts";
import { openSqliteState } from "./sqlite.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const other = { connector: "sap_eu", stream: "invoices" };
const begin = { cursorType: "timestamp_utc" as const };

let folder: string;
let file: string;

/** State worth losing: a stream with a watermark, a tie set, coverage and history. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-unreadable-"));
  file = join(folder, "state.db");
  const store = await openSqliteState(file);
  for (const stream of [key, other]) {
    const run = await store.begin(stream, begin);
    const watermark = "2026-01-01T00:00:01Z";
    const tieSet = [{ identity: "a", cursor: watermark, count: 1 }];
    const coverage = [{ lower: null, upper: watermark }];
    await store.complete(run, { position: { ...emptyPosition, watermark, tieSet, coverage } });
  }
  await store.close();
  return () => rm(folder, { recursive: true });
});

function edit(...statements: string[]): void {
  const db = new DatabaseSync(file);
  for (const sql of statements) db.exec(sql);
  db.close();
}

/** All that is stored of the stream, as it is. */
function stored(): unknown[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const tables = ["streams", "tie_set", "coverage", "runs", "audit"];
  const rows = tables.map((table) =>
    db.prepare(`SELECT * FROM tidemark_${table} WHERE stream = ?`).all(key.stream),
  );
  db.close();
  return rows;
}

const fileHash = (): string => createHash("sha256").update(readFileSync(file)).digest("hex");

async function opened(): Promise<StateStore> {
  const store = await openSqliteState(file);
  onTestFinished(() => store.close());
  return store;
}

describe("P10: a file that cannot be opened is an error, and stays as it is", () => {
  const damages: [string, () => void, string][] = [
    ["empty", () => truncateSync(file, 0), "STATE_UNREADABLE"],
    ["cut within its header", () => truncateSync(file, 60), "STATE_UNREADABLE"],
    ["cut after its header", () => truncateSync(file, 100), "STATE_UNREADABLE"],
    ["cut after its first page", () => truncateSync(file, 4096), "STATE_UNREADABLE"],
    ["cut by one byte", () => truncateSync(file, readFileSync(file).length - 1), "STATE_UNREADABLE"],
    ["no database", () => writeFileSync(file, "connector,stream\n".repeat(1000)), "STATE_UNREADABLE"],
    ["nothing but zeros", () => writeFileSync(file, Buffer.alloc(8192)), "STATE_UNREADABLE"],
    ["of a newer version", () => edit("UPDATE tidemark_schema SET version = 999"), "STATE_TOO_NEW"],
    ["of version none", () => edit("DELETE FROM tidemark_schema"), "STATE_UNREADABLE"],
    ["of version nonsense", () => edit("UPDATE tidemark_schema SET version = 'x'"), "STATE_UNREADABLE"],
    ["without its version's table", () => edit("DROP TABLE tidemark_schema"), "STATE_UNREADABLE"],
  ];
  for (const [name, damage, code] of damages) {
    test(`${name}: ${code}`, async () => {
      damage();
      const before = fileHash();
      for (let attempt = 0; attempt < 2; attempt++) {
        await expect(openSqliteState(file)).rejects.toMatchObject({
          code,
          message: expect.stringContaining(file),
        });
      }
      expect(fileHash()).toBe(before);
      expect(readdirSync(folder)).toEqual(["state.db"]);
    });
  }

  test("torn in the middle: STATE_UNREADABLE as soon as the torn part is needed", async () => {
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4096, bytes.length);
    writeFileSync(file, bytes);
    const before = fileHash();
    const attempt = async (): Promise<void> => {
      await using store = await openSqliteState(file);
      await store.begin(key, begin);
    };
    await expect(attempt()).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    expect(fileHash()).toBe(before);
  });

  test("gone, with its write-ahead log left behind: STATE_UNREADABLE", async () => {
    writeFileSync(`${file}-wal`, "committed once");
    await rm(file);
    await expect(openSqliteState(file)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(`${file}-wal`, "utf8")).toBe("committed once");
  });

  test("a folder in its place: STATE_UNAVAILABLE", async () => {
    await mkdir(join(folder, "folder.db"));
    await expect(openSqliteState(join(folder, "folder.db"))).rejects.toMatchObject({
      code: "STATE_UNAVAILABLE",
    });
  });

  test("a file where its folder should be: STATE_UNAVAILABLE", async () => {
    await expect(openSqliteState(join(file, "state.db"))).rejects.toMatchObject({
      code: "STATE_UNAVAILABLE",
    });
  });
});

describe("P10: a stream that cannot be read is an error, and stays as it is", () => {
  const ofStream = `WHERE stream = '${key.stream}'`;
  const set = (assignment: string): string => `UPDATE tidemark_streams SET ${assignment} ${ofStream}`;
  const damages: [string, string, string][] = [
    ["a position of a newer format", set(`position = json_set(position, '$.format', 99)`), "STATE_TOO_NEW"],
    ["a position that is no JSON", set(`position = 'oops'`), "STATE_UNREADABLE"],
    ["a position cut short", set("position = substr(position, 1, 20)"), "STATE_UNREADABLE"],
    [
      "a position without its format",
      set(`position = json_remove(position, '$.format')`),
      "STATE_UNREADABLE",
    ],
    [
      "a position with a field amiss",
      set(`position = json_set(position, '$.window', 7)`),
      "STATE_UNREADABLE",
    ],
    [
      "a position with a field too many",
      set(`position = json_set(position, '$.more', 7)`),
      "STATE_UNREADABLE",
    ],
    ["a cursor edited to what is none", set("cursor_value = 'tomorrow'"), "STATE_UNREADABLE"],
    [
      "a cursor and a position that are no timestamp",
      set(`cursor_value = 'soon', position = json_set(position, '$.watermark', 'soon')`),
      "STATE_UNREADABLE",
    ],
    ["a cursor type that is none", set(`cursor_type = 'date'`), "STATE_UNREADABLE"],
    ["a cursor without its type", set("cursor_type = NULL"), "STATE_UNREADABLE"],
    ["a status that is none", set(`status = 'paused'`), "STATE_UNREADABLE"],
    ["an epoch that is no number", set(`epoch = 'first'`), "STATE_UNREADABLE"],
    ["an epoch of 0", set("epoch = 0"), "STATE_UNREADABLE"],
    ["an epoch below 0", set("epoch = -1"), "STATE_UNREADABLE"],
    ["a sequence below 0", set("sequence = -1"), "STATE_UNREADABLE"],
    ["a time that is none", set(`updated_at_utc = 'yesterday'`), "STATE_UNREADABLE"],
    ["metadata that is no JSON", set(`metadata = '{'`), "STATE_UNREADABLE"],
    [
      "a member of the tie set counted none",
      `UPDATE tidemark_tie_set SET count = 0 ${ofStream}`,
      "STATE_UNREADABLE",
    ],
  ];
  for (const [name, sql, code] of damages) {
    test(`${name}: ${code}`, async () => {
      edit(sql);
      const before = stored();
      const store = await opened();
      const error = { code, message: expect.stringContaining("sap_eu/suppliers") };
      await expect(store.get(key)).rejects.toMatchObject(error);
      await expect(store.begin(key, begin)).rejects.toMatchObject(error);
      await expect(store.reset(key, { to: null, reason: "r", actor: "a" })).rejects.toMatchObject(error);
      await expect(store.export(key)).rejects.toMatchObject(error);
      await expect(store.list()).rejects.toMatchObject(error);
      expect(stored()).toEqual(before);
      // The others are not drawn into it.
      expect((await store.begin(other, begin)).epoch).toBe(2);
    });
  }

  test("reading it changes no byte", async () => {
    edit(damages[0]?.[1] ?? "");
    const before = fileHash();
    const store = await openSqliteState(file);
    await expect(store.begin(key, begin)).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
    await store.close();
    expect(fileHash()).toBe(before);
  });

  test("a table gone: STATE_UNREADABLE, and not a new one", async () => {
    edit("DROP TABLE tidemark_runs");
    const before = fileHash();
    const store = await openSqliteState(file);
    await expect(store.begin(key, begin)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    await expect(store.runs(key)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    await store.close();
    expect(fileHash()).toBe(before);
  });
});
