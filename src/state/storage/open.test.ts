import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { isTidemarkError, type TidemarkError } from "../../errors.ts";
import type { StateStore } from "../contract.ts";
import { openState } from "./open.ts";

const key = { connector: "sap_eu", stream: "suppliers" };

async function begins(store: StateStore): Promise<void> {
  onTestFinished(() => store.close());
  expect((await store.begin(key, { cursorType: "text" })).epoch).toBe(1);
}

async function refusalOf(url: string): Promise<TidemarkError> {
  try {
    const store = await openState(url);
    await store.close();
  } catch (error) {
    if (isTidemarkError(error)) return error;
    throw error;
  }
  return expect.fail(`${url} was opened`);
}

test("sqlite: opens a file, made with its folders, by a path from here or from the root", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-open-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const here = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(here));
  await begins(await openState("sqlite:./a/b/state.db"));
  expect(existsSync(join(folder, "a/b/state.db"))).toBe(true);
  await begins(await openState(`sqlite://${folder}/root.db`));
  expect(existsSync(join(folder, "root.db"))).toBe(true);
  await begins(await openState(`SQLite:${folder}/plain 100% é.db`));
  expect(existsSync(join(folder, "plain 100% é.db"))).toBe(true);
});

test("a clock is that of local state, and refused for state on a server", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-open-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const url of ["memory:", `file:${folder}`, `sqlite:${folder}/state.db`]) {
    const clock = new FakeClock("2031-01-31T00:00:00Z");
    await using store = await openState(url, { clock });
    const run = await store.begin(key, { cursorType: "text", ifRunning: "refuse" });
    expect((await store.get(key))?.startedAtUtc, url).toMatch(/^2031-01-31/);
    await clock.advance(61_000);
    expect(await store.begin(key, { cursorType: "text", ifRunning: "refuse" }), url).toMatchObject({
      supersededRunId: run.runId,
    });
  }
  for (const url of ["postgres://localhost/none", "https://x.example"]) {
    await expect(openState(url, { clock: new FakeClock() })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("goes by the clock of its server"),
    });
  }
});

test("postgres: and postgresql: open a database", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await begins(await openState(database.url));
  const same = await openState(database.url.replace(/^postgres:/, "postgresql:"));
  onTestFinished(() => same.close());
  expect((await same.get(key))?.epoch).toBe(1);
});

test("https: and http: open a service, and reach for it with the first call only", async () => {
  for (const url of ["https://state.invalid", "HTTP://state.invalid/prefix/"]) {
    const store = await openState(url, { key: "tmk_1234" });
    await store.close();
    await expect(store.get(key)).rejects.toMatchObject({ code: "STATE_UNAVAILABLE" });
  }
  await expect(openState("https://state.invalid", { key: "tmk_1234\nx" })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
});

test("memory: opens a state of its own each time", async () => {
  await begins(await openState("memory:"));
  await begins(await openState("memory:"));
});

describe("a URL that cannot be used is STATE_URL_INVALID, with what to do instead", () => {
  const invalid: [url: string, message: RegExp, hint: RegExp][] = [
    ["", /does not say where/, /sqlite:\.\/\.tidemark\/state\.db/],
    ["./state.db", /does not say where/, /sqlite:\.\/state\.db/],
    ["C:\\data\\state.db", /does not say where/, /sqlite:/],
    ["sqlite:", /names no file/, /sqlite:\.\/\.tidemark\/state\.db/],
    ["sqlite:  ", /names no file/, /sqlite:\.\/\.tidemark\/state\.db/],
    ["sqlite:./folder/", /names no file/, /sqlite:\.\/\.tidemark\/state\.db/],
    ["sqlite://state.db", /two slashes/, /sqlite:\.\/state\.db/],
    ["sqlite:./state.db?mode=ro", /parameters/, /sqlite:/],
    ["sqlite::memory:", /memory/, /memory:/],
    ["memory:x", /no name/, /memory:/],
    ["postgres:", /no server/, /postgres:\/\/user/],
    ["postgres://", /no server/, /postgres:\/\/user/],
    ["postgres:localhost/db", /no server/, /postgres:\/\/user/],
    ["sqllite:./state.db", /`sqllite:`/, /Did you mean sqlite:\.\/state\.db\?/],
    ["sqlite3:./state.db", /`sqlite3:`/, /Did you mean sqlite:/],
    ["postgre://db/state", /`postgre:`/, /Did you mean postgres:\/\/db\/state\?/],
    ["pg://db/state", /`pg:`/, /Did you mean postgres:/],
    ["mem:", /`mem:`/, /Did you mean memory:\?/],
    ["mysql://db/state", /`mysql:`/, /Use sqlite:/],
    ["file:", /names no folder/, /sqlite:\.\/\.tidemark\/state\.db/],
    ["https:", /no address of a service/, /Use https:\/\/host/],
    ["https:state.example.com", /no address of a service/, /Use https:\/\/host/],
    ["https://state.example.com/?key=x", /has parameters/, /key apart/],
    ["https://ada@state.example.com", /a user or a password/, /key apart/],
    ["htps://state.example.com", /`htps:`/, /Did you mean https:\/\/state\.example\.com\?/],
  ];
  test.each(invalid)("%s", async (url, message, hint) => {
    const error = await refusalOf(url);
    expect(error.code).toBe("STATE_URL_INVALID");
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(error.hint).not.toContain("[redacted]");
  });
});

test("P14: a URL that cannot be used is reported without what may be secret in it", async () => {
  for (const url of [
    "postgress://user:hunter2222@db/state",
    "user:hunter2222@db/state",
    "https://hunter2222@state.example.com/",
    "https://state.example.com/?key=hunter2222",
    "mysql://db/state?password=hunter2222",
    "hunter2222@db",
  ]) {
    const error = await refusalOf(url);
    expect(error.code).toBe("STATE_URL_INVALID");
    expect(`${error.message} ${error.hint}`).not.toContain("hunter2222");
  }
});

test("P14: a password in the state's URL that is not percent-encoded is refused, and no part of it is shown", async () => {
  const url = "postgres://app:x@Tr0ub4dor3@db.internal.example/state";
  const error: unknown = await openState(url).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "STATE_URL_INVALID",
    message: expect.stringMatching(/more than one `@`/),
    hint: expect.not.stringContaining("[redacted]"),
  });
  expect(String(error)).not.toMatch(/ub4|dor/);
});
