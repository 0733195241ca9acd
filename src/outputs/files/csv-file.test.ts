import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../clock.ts";
import type { Commit, OutputSession } from "../../engine/ports.ts";
import { emptyPosition } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import { createFileOutput } from "./file.ts";
import { fileOutputSchema } from "./schema.ts";

const freshPath = (): string => join(mkdtempSync(join(tmpdir(), "tidemark-csv-")), "out.csv");

let epoch = 0;

async function fenced(
  path: string,
  columns?: string[],
  scope = "",
  more: object = {},
): Promise<OutputSession> {
  const config = fileOutputSchema.parse({
    type: "file",
    path,
    format: "csv",
    ...(columns ? { columns } : {}),
    ...more,
  });
  const session = await createFileOutput(config).open({
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: () => {},
    scope,
    leaseSeconds: 60,
  });
  await session.fence(++epoch);
  return session;
}

function commitOf(): Commit {
  const position = { ...emptyPosition, watermark: String(epoch) };
  return { epoch, sequence: 1, position, cursorType: "numeric_id", windowFinished: true };
}

async function deliver(
  path: string,
  records: readonly SourceRecord[],
  columns?: string[],
  more?: object,
): Promise<void> {
  const session = await fenced(path, columns, "", more);
  await session.write({ records });
  await session.commit(commitOf());
  await session.close();
}

test("the header stands once, before the lines of all runs", async () => {
  const path = freshPath();
  await deliver(path, [
    { id: 1, name: "a" },
    { id: 2, name: "b", more: true },
  ]);
  await deliver(path, [{ more: false, id: 3 }]);
  expect(readFileSync(path, "utf8")).toBe("id,name,more\n1,a,\n2,b,true\n3,,false\n");
});

test("declared columns make the header, in their order", async () => {
  const path = freshPath();
  await deliver(path, [{ id: 1 }], ["name", "id"]);
  expect(readFileSync(path, "utf8")).toBe("name,id\n,1\n");
});

test("P1: what a run left behind uncommitted is cut off, and its header with it", async () => {
  const path = freshPath();
  const killed = await fenced(path);
  await killed.write({ records: [{ wrong: 1 }] });
  writeFileSync(path, "wrong\n1\n");
  await deliver(path, [{ id: 1 }]);
  expect(readFileSync(path, "utf8")).toBe("id\n1\n");
});

test("a field that the file has no column for is refused before anything is written", async () => {
  const path = freshPath();
  await deliver(path, [{ id: 1 }]);
  await expect(deliver(path, [{ id: 2, late: "x" }])).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringContaining("the field late"),
  });
  expect(readFileSync(path, "utf8")).toBe("id\n1\n");
});

test("a file that was there before is kept, with its columns", async () => {
  const path = freshPath();
  writeFileSync(path, 'id,"a ""name"""\n1,x');
  await deliver(path, [{ id: 2, 'a "name"': "y" }]);
  expect(readFileSync(path, "utf8")).toBe('id,"a ""name"""\n1,x\n2,y\n');
});

test("a file of another program is kept and added to, with its byte order mark, or with nothing but a header", async () => {
  const marked = freshPath();
  writeFileSync(marked, "\u{FEFF}id,name\r\n1,x\r\n");
  await deliver(marked, [{ name: "y", id: 2 }]);
  expect(readFileSync(marked, "utf8")).toBe("\u{FEFF}id,name\r\n1,x\r\n2,y\r\n");
  const bare = freshPath();
  writeFileSync(bare, "id,name");
  await deliver(bare, [{ id: 1 }]);
  expect(readFileSync(bare, "utf8")).toBe("id,name\n1,\n");
});

test.each([
  ["id;name\n1;x\n", "a header with `;` between its names", 'Declare `delimiter: ";"`'],
  ["id\tname\n1\tx\n", "a header with tabs between its names", 'Declare `delimiter: "\\t"`'],
  [
    Buffer.from("\u{FEFF}id,name\n", "utf16le"),
    "is written in UTF-16",
    "convert this file first to CSV in UTF-8",
  ],
])("a file of another form is refused, and the message says which: %j", async (content, message, hint) => {
  const path = freshPath();
  writeFileSync(path, content);
  await expect(fenced(path)).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
  expect(readFileSync(path)).toEqual(Buffer.from(content));
});

test.each([";", "\t", "|"])(
  "`delimiter: %j` stands between values, and a file of that form is added to",
  async (delimiter) => {
    const path = freshPath();
    await deliver(path, [{ id: 1, text: "a,b;c\td|e" }], undefined, { delimiter });
    await deliver(path, [{ id: 2, text: "plain" }], undefined, { delimiter });
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines).toEqual([`id${delimiter}text`, `1${delimiter}"a,b;c\td|e"`, `2${delimiter}plain`, ""]);
  },
);

test("`bom: true` and `newline: crlf` make a file for Excel, and hold for every run", async () => {
  const path = freshPath();
  const excel = { bom: true, newline: "crlf", delimiter: ";" };
  await deliver(path, [{ id: 1, name: "ä" }], undefined, excel);
  await deliver(path, [{ id: 2, name: "two\nlines" }], undefined, excel);
  expect(readFileSync(path, "utf8")).toBe('\u{FEFF}id;name\r\n1;ä\r\n2;"two\nlines"\r\n');
});

test.each([
  [{ bom: true }, "has no byte order mark"],
  [{ newline: "crlf" }, "ends its header with LF"],
])("%j is refused for a file that was begun without it, and left out it goes on", async (more, message) => {
  const path = freshPath();
  await deliver(path, [{ id: 1 }]);
  await expect(fenced(path, undefined, "", more)).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    message: expect.stringContaining(message),
    hint: expect.stringContaining("give another `path`"),
  });
  await deliver(path, [{ id: 2 }]);
  expect(readFileSync(path, "utf8")).toBe("id\n1\n2\n");
});

test("a record whose only column is null has a line that readers do not skip", async () => {
  const path = freshPath();
  await deliver(path, [{ note: "a" }, { note: null }, {}, { note: "" }]);
  expect(readFileSync(path, "utf8")).toBe('note\na\n""\n""\n""\n');
});

test("`formulas: escape` holds for every run, in the header too", async () => {
  const path = freshPath();
  const escaped = { formulas: "escape" };
  await deliver(path, [{ id: 1, "@sum": "=A1" }], undefined, escaped);
  await deliver(path, [{ id: -2, "@sum": "plain" }], undefined, escaped);
  expect(readFileSync(path, "utf8")).toBe("id,'@sum\n1,'=A1\n-2,plain\n");
});

test("a file that is no CSV, or lacks a declared column, is refused", async () => {
  const path = freshPath();
  writeFileSync(path, '"open');
  await expect(fenced(path)).rejects.toMatchObject({ code: "CONFIG_INCOHERENT" });
  const other = freshPath();
  await deliver(other, [{ id: 1 }]);
  await expect(fenced(other, ["id", "more"])).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    message: expect.stringContaining("no column for more"),
  });
});

test("a live run and a backfill that begin the file at once agree on its header, or one of them is reported", async () => {
  const path = freshPath();
  const live = await fenced(path);
  const liveCommit = commitOf();
  const backfill = await fenced(path, undefined, "backfill/1");
  await backfill.write({ records: [{ id: 1, a: 1 }] });
  await backfill.commit(commitOf());
  await live.write({ records: [{ id: 2, b: 2 }] });
  await expect(live.commit(liveCommit)).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
  expect(readFileSync(path, "utf8")).toBe("id,a\n1,1\n");
});

test.each([
  [{ format: "jsonl", columns: ["id"] }, "only `format: csv` has columns"],
  [{ format: "csv", columns: ["id", "id"] }, "names id twice"],
  [{ format: "jsonl", formulas: "escape" }, "goes with `format: csv`"],
  [{ format: "jsonl", delimiter: ";" }, "goes with `format: csv`"],
  [{ format: "jsonl", bom: true }, "goes with `format: csv`"],
  [{ format: "jsonl", newline: "crlf" }, "goes with `format: csv`"],
  [{ path: "x-{{ dat }}" }, "holds {{ dat }}, which means nothing in a path; did you mean {{ date }}?"],
  [{ path: "x-{{ date" }, "has a placeholder that is not closed"],
  [{ timezone: "Europe/Berlin" }, "is for placeholders in `path`, which has none"],
  [{ path: "x-{{ date }}", timezone: "Berlin" }, '"Berlin" is not a time zone'],
])("%j is refused", (config, message) => {
  const parsed = fileOutputSchema.safeParse({ type: "file", path: "x", ...config });
  expect(parsed.error?.issues.map((issue) => issue.message)).toEqual([message]);
});
