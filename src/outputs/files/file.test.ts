import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Clock, systemClock } from "../../clock.ts";
import type { Commit, OutputContext, OutputSession, Warn } from "../../engine/ports.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { emptyPosition } from "../../model/position.ts";
import { createFileOutput } from "./file.ts";
import { Staging } from "./staging.ts";

const freshPath = (): string => join(mkdtempSync(join(tmpdir(), "tidemark-file-")), "out.jsonl");
const lines = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);

interface Place {
  readonly stream?: string;
  readonly scope?: string;
  readonly clock?: Clock;
  readonly warn?: Warn;
}

async function open(path: string, place: Place = {}): Promise<OutputSession> {
  const context: OutputContext = {
    key: { connector: "acme", stream: place.stream ?? "events" },
    clock: place.clock ?? systemClock,
    signal: new AbortController().signal,
    warn: place.warn ?? (() => {}),
    scope: place.scope ?? "",
    leaseSeconds: 60,
  };
  return createFileOutput({ type: "file", path, format: "jsonl", mode: "append", onError: "fail" }).open(
    context,
  );
}

async function fenced(path: string, epoch: number, place?: Place): Promise<OutputSession> {
  const session = await open(path, place);
  await session.fence(epoch);
  return session;
}

function commitOf(epoch: number, sequence: number, more: Partial<Commit> = {}): Commit {
  const position = { ...emptyPosition, watermark: String(sequence) };
  return { epoch, sequence, position, cursorType: "numeric_id", windowFinished: true, ...more };
}

test("lines are in the file after their commit and not before, with every digit", async () => {
  const path = join(dirname(freshPath()), "new", "folders", "out.jsonl");
  const session = await fenced(path, 1);
  expect(await session.write({ records: [{ id: new ExactNumber("9007199254740993") }, { id: 2 }] })).toBe(2);
  expect(lines(path)).toEqual([]);
  await session.commit(commitOf(1, 1));
  expect(lines(path)).toEqual(['{"id":9007199254740993}', '{"id":2}']);
  await session.write({ records: [{ id: 3 }] });
  await session.close();
  expect(lines(path)).toHaveLength(2);
  expect(readdirSync(dirname(path)).sort()).toEqual(["out.jsonl", "out.jsonl.tidemark"]);
});

test("the newest commit position comes back with its position, and a look at it makes no file", async () => {
  const path = freshPath();
  const looking = await open(path);
  expect(await looking.fencedEpoch()).toBe(0);
  expect(readdirSync(dirname(path))).toEqual([]);
  const session = await fenced(path, 3);
  expect(await looking.fencedEpoch()).toBe(3);
  await session.commit(commitOf(3, 7));
  expect(await looking.fence(4)).toEqual({
    epoch: 3,
    sequence: 7,
    position: { ...emptyPosition, watermark: "7" },
  });
  await expect((await open(path)).fence(4)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  expect(await (await open(path)).fence(5)).toMatchObject({ epoch: 3, sequence: 7 });
});

test("P2: what a crash left behind the committed length is moved aside by the next run, which says so", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  await session.write({ records: [{ id: 1 }] });
  await session.commit(commitOf(1, 1));
  appendFileSync(path, '{"id":2}\n{"id":');
  const warnings: string[] = [];
  const next = await fenced(path, 2, { warn: (code, message) => warnings.push(`${code} ${message}`) });
  expect(lines(path)).toEqual(['{"id":1}']);
  expect(warnings).toEqual([
    expect.stringMatching(/^LINES_SET_ASIDE .*out\.jsonl held 15 bytes \(2 lines\).*out\.jsonl\.aside now/),
  ]);
  await next.write({ records: [{ id: 2 }] });
  await next.commit(commitOf(2, 1));
  expect(lines(path)).toEqual(['{"id":1}', '{"id":2}']);
  expect(readFileSync(`${path}.aside`, "utf8")).toBe('{"id":2}\n{"id":\n');
});

test("P4: after a newer fence, an older run's commit and fence are refused and leave nothing", async () => {
  const path = freshPath();
  const older = await fenced(path, 1);
  await older.write({ records: [{ id: "old" }] });
  const newer = await fenced(path, 2);
  await expect(older.commit(commitOf(1, 1))).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  await newer.write({ records: [{ id: "new" }] });
  await newer.commit(commitOf(2, 1));
  await expect(older.fence(1)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  await older.close();
  expect(lines(path)).toEqual(['{"id":"new"}']);
  expect(await newer.fence(2)).toMatchObject({ epoch: 2, sequence: 1 });
});

test("a file that holds less than was committed is an error that says what to do", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  await session.write({ records: [{ id: 1 }, { id: 2 }] });
  await session.commit(commitOf(1, 1));
  truncateSync(path, 10);
  await expect(fenced(path, 2)).rejects.toMatchObject({
    code: "OUTPUT_LOST",
    message: expect.stringContaining("holds 10 bytes, but 18 bytes were committed"),
    hint: expect.stringContaining("name another one in `path`"),
  });
  rmSync(path);
  await expect(fenced(path, 2)).rejects.toMatchObject({ code: "OUTPUT_LOST" });
  expect(existsSync(path)).toBe(false);
  await session.write({ records: [{ id: 3 }] });
  await expect(session.commit(commitOf(1, 2))).rejects.toMatchObject({ code: "OUTPUT_LOST" });
});

test.each([
  ["whose last line is ended", '{"mine":1}\n', '{"mine":1}\n{"id":1}\n'],
  ["whose last line is open", '{"mine":1}', '{"mine":1}\n{"id":1}\n'],
  ["that is empty", "", '{"id":1}\n'],
])("a file of somebody else %s is kept and added to", async (_, before, after) => {
  const path = freshPath();
  writeFileSync(path, before);
  const session = await fenced(path, 1);
  expect(readFileSync(path, "utf8")).toBe(before);
  await session.write({ records: [{ id: 1 }] });
  await session.commit(commitOf(1, 1));
  expect(readFileSync(path, "utf8")).toBe(after);
});

test("two pipelines cannot write one file, also not under another name", async () => {
  const path = freshPath();
  await (await fenced(path, 1)).close();
  symlinkSync(path, `${path}.link`);
  for (const name of [path, `${path}.link`]) {
    await expect(fenced(name, 9, { stream: "other" })).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      message: expect.stringContaining("belongs to the stream acme/events; acme/other cannot"),
    });
  }
});

test("P11: a backfill next to the live run has commit positions of its own and loses nothing", async () => {
  const path = freshPath();
  const live = await fenced(path, 5);
  const backfill = await fenced(path, 1, { scope: "backfill/1" });
  await live.write({ records: [{ live: 1 }] });
  await backfill.write({ records: [{ back: 1 }] });
  await backfill.commit(commitOf(1, 1));
  await live.commit(commitOf(5, 1));
  expect(lines(path)).toEqual(['{"back":1}', '{"live":1}']);
  expect(await live.fencedEpoch()).toBe(5);
  expect(await backfill.fencedEpoch()).toBe(1);
});

test("P2: identities delivered in an unfinished window are known to the next run, until it is finished", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  expect(await session.delivered?.(["a", "b"])).toEqual(new Set());
  await session.write({ records: [], deliveries: ["a", "b"] });
  expect(await session.delivered?.(["b", "c"])).toEqual(new Set(["b"]));
  await session.write({ records: [], deliveries: ["c"] });
  await session.commit(commitOf(1, 1, { windowFinished: false }));
  await session.write({ records: [], deliveries: ["d"] });
  await session.close();

  const next = await fenced(path, 2);
  expect(await next.delivered?.(["a", "b", "c", "d", "e\u0000f"])).toEqual(new Set(["a", "b", "c"]));
  const backfill = await fenced(path, 1, { scope: "backfill/1" });
  expect(await backfill.delivered?.(["a"])).toEqual(new Set());
  await next.commit(commitOf(2, 1));
  expect(await next.delivered?.(["a", "d"])).toEqual(new Set());
});

test("P2: an output that was not asked for deliveries knows them all the same, and says when it keeps none", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  expect(await session.keepsDelivered?.()).toBe(false);
  await session.write({ records: [], deliveries: ["a", 'b"\u{1F30A}', "x".repeat(300)] });
  await session.commit(commitOf(1, 1, { windowFinished: false }));
  await session.write({ records: [], deliveries: ["c", "a"] });
  await session.commit(commitOf(1, 2, { windowFinished: false }));
  await session.close();

  const next = await fenced(path, 2);
  expect(await next.keepsDelivered?.()).toBe(true);
  const asked = ["a", 'b"\u{1F30A}', "x".repeat(300), "c", "d"];
  expect(await next.delivered?.(asked)).toEqual(new Set(asked.slice(0, 4)));
  expect(await (await fenced(path, 1, { scope: "backfill/1" })).keepsDelivered?.()).toBe(false);
  await next.commit(commitOf(2, 1));
  expect(await next.keepsDelivered?.()).toBe(false);
});

test("a commit stores deliveries as one list, and as rows where the run has asked for some since the last commit", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  const commit = async (sequence: number, deliveries: readonly string[]) => {
    await session.write({ records: [], deliveries });
    await session.commit(commitOf(1, sequence, { windowFinished: false }));
  };
  const stored = () => {
    using database = new DatabaseSync(join(`${path}.tidemark`, "ledger.db"), { readOnly: true });
    const count = (table: string) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
    return { lists: count("delivered_lists"), rows: count("delivered") };
  };
  await commit(1, ["a", "b"]);
  await commit(2, ["c"]);
  expect(stored()).toEqual({ lists: 2, rows: 0 });
  await session.delivered?.(["a"]);
  expect(stored()).toEqual({ lists: 0, rows: 3 });
  await commit(3, ["d"]);
  expect(stored()).toEqual({ lists: 0, rows: 4 });
  await commit(4, ["e"]);
  expect(stored()).toEqual({ lists: 1, rows: 4 });
});

test("P2: deliveries kept beyond a finished window stay known, and the others are let go", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  await session.write({ records: [], deliveries: ["a", "b", "c"] });
  await session.commit(commitOf(1, 1, { keepDelivered: { from: "b", below: "c" } }));
  expect(await session.delivered?.(["a", "b", "c"])).toEqual(new Set(["b"]));
});

test("a ledger of the first format is brought up to date and keeps what it knew", async () => {
  const path = freshPath();
  const session = await fenced(path, 1);
  await session.write({ records: [{ id: 1 }], deliveries: ["a"] });
  await session.commit(commitOf(1, 1, { windowFinished: false }));
  await session.delivered?.(["a"]);
  await session.close();
  const database = new DatabaseSync(join(`${path}.tidemark`, "ledger.db"));
  database.exec(`DROP TABLE delivered_lists; ALTER TABLE file ADD COLUMN length INTEGER NOT NULL DEFAULT 9;
    DROP TABLE files; ALTER TABLE marks DROP COLUMN file; PRAGMA user_version = 1`);
  database.close();
  const next = await fenced(path, 2);
  expect(await next.delivered?.(["a", "b"])).toEqual(new Set(["a"]));
  await next.write({ records: [{ id: 2 }], deliveries: ["b"] });
  await next.commit(commitOf(2, 1, { windowFinished: false }));
  expect(await next.delivered?.(["a", "b"])).toEqual(new Set(["a", "b"]));
});

test("P10: a ledger that cannot be read is an error, and stays as it is", async () => {
  const path = freshPath();
  const ledger = join(`${path}.tidemark`, "ledger.db");
  await (await fenced(path, 1)).close();
  const whole = readFileSync(ledger);
  for (const garbage of [
    Buffer.from("garbage, and long enough to be read as a header".repeat(100)),
    Buffer.alloc(0),
    whole.subarray(0, 5000),
  ]) {
    writeFileSync(ledger, garbage);
    await expect(fenced(path, 2)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    expect(readFileSync(ledger)).toEqual(garbage);
  }
  writeFileSync(ledger, whole);
  const database = new DatabaseSync(ledger);
  database.exec("PRAGMA user_version = 5");
  database.close();
  await expect(fenced(path, 2)).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
});

test("P13: a large checkpoint goes through a file without a name", async () => {
  const path = freshPath();
  const staging = new Staging(`${path}.uncommitted`, 1000);
  let expected = "";
  for (let i = 0; i < 500; i++) {
    const line = `{"id":${i},"text":"${"ä".repeat(i % 50)}"}\n`;
    staging.append(line);
    expected += line;
  }
  expect(readdirSync(dirname(path))).toEqual([]);
  const { openSync, closeSync } = await import("node:fs");
  const file = openSync(path, "w+");
  await staging.copyTo(file, 0);
  closeSync(file);
  expect(staging.length).toBe(Buffer.byteLength(expected));
  expect(readFileSync(path, "utf8")).toBe(expected);
  staging.clear();
  expect(staging.length).toBe(0);
});

const holder = `
  const { DatabaseSync } = require("node:sqlite");
  const database = new DatabaseSync(process.argv[1]);
  database.exec("BEGIN IMMEDIATE");
  process.stdout.write("held");
  setInterval(() => {}, 1000);
`;

test("P4: a process stopped while it commits holds its successor off; once it is killed, the successor goes on", async () => {
  const path = freshPath();
  await (await fenced(path, 1)).close();
  const child = spawn(process.execPath, ["-e", holder, join(`${path}.tidemark`, "ledger.db")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    child.kill("SIGSTOP");
    let time = 0;
    const hasty: Clock = {
      now: () => time,
      elapsed: () => time,
      sleep: async (milliseconds) => {
        time += milliseconds * 100;
      },
    };
    await expect(fenced(path, 2, { clock: hasty })).rejects.toMatchObject({
      code: "OUTPUT_UNAVAILABLE",
      message: expect.stringContaining("locked by another process"),
    });
    const waiting = fenced(path, 2);
    child.kill("SIGKILL");
    await waiting;
  } finally {
    child.kill("SIGKILL");
  }
});

type Step =
  | { readonly do: "write"; readonly count: number }
  | { readonly do: "commit" }
  | { readonly do: "crash"; readonly crumbs: string }
  | { readonly do: "takeover" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("write" as const), count: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ do: fc.constant("commit" as const) }),
  fc.record({ do: fc.constant("crash" as const), crumbs: fc.constantFrom("", "{", '{"n":1}\n', "x\ny") }),
  fc.record({ do: fc.constant("takeover" as const) }),
);

test("P1, P2, P4: over any history of writes, commits, crashes and takeovers, the file is what was committed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const path = freshPath();
      let epoch = 1;
      let sequence = 0;
      let next = 0;
      let session = await fenced(path, epoch);
      const zombies: OutputSession[] = [];
      const committed: string[] = [];
      let pending: string[] = [];
      for (const one of steps) {
        if (one.do === "write") {
          const records = Array.from({ length: one.count }, () => ({ n: next++ }));
          await session.write({ records });
          pending.push(...records.map((record) => JSON.stringify(record)));
        } else if (one.do === "commit") {
          await session.commit(commitOf(epoch, ++sequence));
          committed.push(...pending);
          pending = [];
        } else {
          zombies.push(session);
          if (one.do === "crash") appendFileSync(path, one.crumbs);
          session = await fenced(path, ++epoch);
          pending = [];
        }
      }
      for (const zombie of zombies) {
        await zombie.write({ records: [{ zombie: true }] });
        await expect(zombie.commit(commitOf(1, 99))).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
        await zombie.close();
      }
      await session.close();
      expect(lines(path)).toEqual(committed);
    }),
    { numRuns: 60 },
  );
});
