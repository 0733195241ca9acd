import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { execute, temporaryFolder, tidemark } from "./support.ts";

const pipeline = `name: orders
input:
  type: database
  connectionString: sqlite:./source.db
  table: t
  key: id
  statePersistence: { id: { field: id } }
output:
  type: database
  connectionString: sqlite:./target.db
  table: rows
  key: id
  onError: deadLetter
  deadLetter: { path: ./refused.jsonl }
`;

/** A folder in which orders 3 and 6 were refused; `run` executes its commands. */
async function refusedOrders(run: typeof execute = execute) {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "orders.yaml"), pipeline);
  const source = new DatabaseSync(join(cwd, "source.db"));
  source.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
  for (let id = 1; id <= 6; id++)
    source.prepare("INSERT INTO t VALUES (?, ?)").run(id, id % 3 === 0 ? `bad\u001b[31m${id}` : "good");
  source.close();
  const target = new DatabaseSync(join(cwd, "target.db"));
  onTestFinished(() => target.close());
  target.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, v TEXT)");
  target.exec(
    "CREATE TRIGGER strict BEFORE INSERT ON rows WHEN NEW.v LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'no bad ones'); END",
  );
  const call = (...args: string[]) => run(args, { cwd });
  expect((await call("run", "orders.yaml")).code).toBe(0);
  const list = async (...args: string[]): Promise<Record<string, unknown>[]> =>
    JSON.parse((await call("deadletters", "list", "orders.yaml", "--json", ...args)).stdout);
  return { cwd, call, list, mend: () => target.exec("DROP TRIGGER strict"), target };
}

test("list and show tell what was refused and why; --code and --since choose", async () => {
  const { call, list } = await refusedOrders();
  const [first, second] = await list();
  expect(first).toMatchObject({
    pipeline: "orders",
    connector: "orders",
    stream: "default",
    stage: "output",
    by: "database",
    code: "OUTPUT_FAILED",
    reason: expect.stringContaining("no bad ones"),
    record_name: "id 3",
    status: "open",
    tries: 0,
  });
  expect(first).not.toHaveProperty("record");
  expect(second).toMatchObject({ record_name: "id 6" });
  expect(await list("--code", "FILTER_FAILED")).toEqual([]);
  expect(await list("--since", "2020-01-01")).toHaveLength(2);
  expect(await list("--since", "2999-01-01")).toEqual([]);
  const text = await call("deadletters", "list", "orders.yaml");
  expect(text.stdout).toMatch(/ID +FIRST REFUSED +STATUS +TRIES/);
  expect(text.stdout).toContain(String(first?.id));
  const shown = await call("deadletters", "show", "orders.yaml", String(first?.id));
  expect(shown.stdout).toMatch(/reason +.*no bad ones/);
  expect(shown.stdout).toContain('{"id":3,"v":"bad\\u001b[31m3"}');
  const whole = JSON.parse(
    (await call("deadletters", "show", "orders.yaml", String(first?.id), "--json")).stdout,
  );
  expect(whole).toMatchObject({ record: { id: 3, v: "bad\u001b[31m3" }, status: "open" });
  expect(await call("deadletters", "list", "orders.yaml", "--since", "soon")).toMatchObject({ code: 2 });
  expect(await call("deadletters", "show", "orders.yaml", "none")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("holds no letter none"),
  });
});

test("replay delivers what is named, and exits with 1 while any is refused again", async () => {
  const { call, list, mend, target, cwd } = await refusedOrders(tidemark);
  const again = await call("deadletters", "replay", "orders.yaml", "--all", "--json");
  expect(again.code).toBe(1);
  expect(JSON.parse(again.stdout)).toMatchObject([
    { pipeline: "orders", replayed: 0, refused: 2, error: null },
  ]);
  expect(await list()).toMatchObject([{ tries: 1 }, { tries: 1 }]);
  mend();
  const [first] = await list();
  const one = await call("deadletters", "replay", "orders.yaml", String(first?.id));
  expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining("replayed  1 refused record") });
  expect(await list()).toMatchObject([{ record_name: "id 6" }]);
  // The file was rotated.
  renameSync(join(cwd, "refused.jsonl"), join(cwd, "old.jsonl"));
  expect(await list()).toEqual([]);
  const rest = await call("deadletters", "replay", "orders.yaml", "--all", "--letters", "old.jsonl");
  expect(rest.code).toBe(0);
  expect(target.prepare("SELECT count(*) AS n FROM rows").get()).toEqual({ n: 6 });
  expect((await call("deadletters", "replay", "orders.yaml", "--all")).code).toBe(0);
  const history = await call("state", "history", "orders", "default", "--json");
  expect(JSON.parse(history.stdout)).toMatchObject([
    { actor: "tester" },
    { actor: "tester" },
    { actor: "tester" },
    {},
  ]);
});

test("discard gives letters up without deleting them, and purge deletes what is closed", async () => {
  const { call, list, cwd } = await refusedOrders();
  const [first] = await list();
  const path = join(cwd, "refused.jsonl");
  const gone = await call(
    "deadletters",
    "discard",
    "orders.yaml",
    String(first?.id),
    "--reason",
    "test order",
  );
  expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining("discarded  1 refused record") });
  expect(await list()).toMatchObject([{ record_name: "id 6" }]);
  expect(await list("--closed")).toMatchObject([
    { status: "discarded", marked_by: "tester", marked_reason: "test order" },
    { status: "open" },
  ]);
  expect(readFileSync(path, "utf8")).toContain('"record":{"id":3');
  expect(await call("deadletters", "replay", "orders.yaml", String(first?.id))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("is open in"),
  });
  const purged = await call("deadletters", "purge", "orders.yaml", "--json");
  expect(JSON.parse(purged.stdout)).toEqual({ purged: 1 });
  expect(readFileSync(path, "utf8")).not.toContain('"record":{"id":3');
  expect(await list("--closed")).toMatchObject([{ status: "open" }]);
});

test("a command that names no letter, or a pipeline that keeps none, is refused with what to do", async () => {
  const { call, cwd } = await refusedOrders();
  expect(await call("deadletters", "replay", "orders.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("say --all"),
  });
  expect(await call("deadletters", "discard", "orders.yaml", "a", "--all")).toMatchObject({ code: 2 });
  writeFileSync(join(cwd, "none.yaml"), pipeline.replace(/ {2}onError[\s\S]*$/, ""));
  expect(await call("deadletters", "list", "none.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Declare `onError: deadLetter`"),
  });
});

test("`--letters` with a path at which no file is, is refused, and never reads as if nothing had been refused", async () => {
  const { call } = await refusedOrders();
  for (const args of [["list"], ["replay", "--all"], ["purge"]]) {
    const [command = "", ...more] = args;
    expect(
      await call("deadletters", command, "orders.yaml", ...more, "--letters", "gone.jsonl"),
    ).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--letters: gone.jsonl is not there"),
    });
  }
  expect(await call("deadletters", "list", "orders.yaml", "--letters", ".")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--letters: . is no file"),
  });
});

test("a letter that cannot be read is reported with its line, and replay --all exits with 1 behind the others", async () => {
  const { cwd, call, mend, target } = await refusedOrders();
  mend();
  const file = join(cwd, "refused.jsonl");
  const lines = readFileSync(file, "utf8").split("\n");
  writeFileSync(file, ["", lines[0]?.replace('"stage"', "stage"), ...lines.slice(1)].join("\n"));
  const told = `1 line of ${file} cannot be read (line 2)`;
  const list = await call("deadletters", "list", "orders.yaml");
  expect(list).toMatchObject({ code: 0, stderr: expect.stringContaining(`${told}\n`) });
  const all = await call("deadletters", "replay", "orders.yaml", "--all");
  expect(all).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("replayed  1 refused record"),
    stderr: expect.stringContaining(`${told}. What they held was not replayed`),
  });
  expect(target.prepare("SELECT id FROM rows WHERE id % 3 = 0").all()).toEqual([{ id: 6 }]);
  const json = await call("deadletters", "replay", "orders.yaml", "--all", "--json");
  expect(json).toMatchObject({ code: 1, stdout: "[]\n", stderr: expect.stringContaining(told) });
  appendFileSync(file, '{"id":"b","ti');
  const cut = await call("deadletters", "list", "orders.yaml");
  expect(cut.stderr).toContain("2 lines of");
  expect(cut.stderr).toMatch(/cannot be read \(lines 2, \d+\): the write of the last was cut short\n/);
});
