import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { letterWith } from "../../../test/support/letters.ts";
import type { DeadLetter, LetterMark } from "../../engine/ports.ts";
import { DeadLetterBook } from "./dead-letter-book.ts";
import { DeadLetterFile } from "./dead-letter-file.ts";

const key = { connector: "acme", stream: "orders" };

function pathOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-letter-book-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "refused.jsonl");
}

function letter(id: string, time = "2026-01-01T00:00:00.000Z", stream = "orders"): DeadLetter {
  return letterWith({ id, time, stream, record: { id, note: "ünïcode" } });
}

const mark = (id: string, what: LetterMark["mark"]): LetterMark => ({
  mark: what,
  letter: id,
  time: "2026-01-02T00:00:00.000Z",
  run: null,
  actor: "ann",
  code: what === "refused" ? "OUTPUT_FAILED" : null,
  reason: null,
});

function bookWith(...lines: readonly (DeadLetter | LetterMark)[]): DeadLetterBook {
  const book = new DeadLetterBook(pathOfTest());
  for (const line of lines) {
    if ("mark" in line) book.mark(line);
    else book.add(line);
  }
  book.sync();
  return book;
}

const statuses = (book: DeadLetterBook) =>
  book.entries(key).entries.map(({ id, status, tries }) => [id, status, tries]);

test("a letter that a crash repeated is one, first refused when the first was", () => {
  const book = bookWith(letter("a"), letter("b"), letter("a", "2026-01-03T00:00:00.000Z"));
  expect(statuses(book)).toEqual([
    ["a", "open", 0],
    ["b", "open", 0],
  ]);
  const [first] = book.entries(key).entries;
  expect(first?.time).toBe("2026-01-01T00:00:00.000Z");
});

test("marks stand behind their letters, and a letter that comes again behind one is open again", () => {
  const book = bookWith(
    letter("a"),
    letter("b"),
    mark("a", "refused"),
    mark("a", "refused"),
    mark("a", "replayed"),
    mark("b", "discarded"),
    mark("unknown", "replayed"),
  );
  expect(statuses(book)).toEqual([
    ["a", "replayed", 2],
    ["b", "discarded", 0],
  ]);
  book.add(letter("a", "2026-02-01T00:00:00.000Z"));
  book.sync();
  expect(statuses(book)).toEqual([
    ["b", "discarded", 0],
    ["a", "open", 0],
  ]);
});

test("a file is read for one stream at a time, with lines that cannot be read counted, and none where it is missing", () => {
  const book = bookWith(letter("a"), letter("c", undefined, "others"));
  appendFileSync(book.place, '{"id":"b","ti\n\nnonsense\n');
  expect(book.entries(key)).toMatchObject({ entries: [{ id: "a" }], unreadable: 2 });
  expect(book.letter(book.entries(key).entries[0] ?? expect.fail())).toEqual(letter("a"));
  expect(new DeadLetterBook(`${book.place}.none`).entries(key)).toMatchObject({ entries: [], unreadable: 0 });
});

test("a purge takes closed letters of the stream and their marks, and nothing else", () => {
  const book = bookWith(
    letter("a"),
    letter("b"),
    letter("other", undefined, "others"),
    mark("a", "replayed"),
    mark("b", "refused"),
    mark("other", "replayed"),
    letter("again"),
    mark("again", "replayed"),
    letter("again", "2026-02-01T00:00:00.000Z"),
  );
  appendFileSync(book.place, "torn\n");
  expect(book.purge(key)).toBe(1);
  expect(statuses(book)).toEqual([
    ["b", "open", 1],
    ["again", "open", 0],
  ]);
  expect(book.entries({ connector: "acme", stream: "others" }).entries).toMatchObject([
    { status: "replayed" },
  ]);
  expect(readFileSync(book.place, "utf8")).toContain("torn\n");
  expect(statSync(book.place).mode & 0o777).toBe(0o600);
  expect(book.purge(key)).toBe(0);
});

test("a purge that cannot write its new file fails with a code, and can be repeated", () => {
  const book = bookWith(letter("a"), letter("b"), mark("a", "replayed"));
  const before = readFileSync(book.place, "utf8");
  mkdirSync(`${book.place}.purged`);
  expect(() => book.purge(key)).toThrow(expect.objectContaining({ code: "OUTPUT_FAILED" }));
  expect(readFileSync(book.place, "utf8")).toBe(before);
  rmdirSync(`${book.place}.purged`);
  expect(book.purge(key)).toBe(1);
  expect(statuses(book)).toEqual([["b", "open", 0]]);
});

test("P5: letters that are added while a purge goes on are all there behind it", async () => {
  const book = bookWith(...Array.from({ length: 200 }, (_, n) => letter(`old${n}`)));
  const source = new URL("./dead-letter-file.ts", import.meta.url).href;
  const script = `
    const { DeadLetterFile } = await import(${JSON.stringify(source)});
    const file = new DeadLetterFile(process.argv[1]);
    const letter = JSON.parse(process.argv[2]);
    process.stdout.write("begun");
    for (let n = 0; n < 400; n++) {
      file.add({ ...letter, id: process.argv[3] + n });
      if (n % 7 === 0) file.sync();
    }
    file.sync();`;
  const adding = ["x", "y"].map((name) =>
    spawn(process.execPath, [
      "--input-type=module",
      "-e",
      script,
      book.place,
      JSON.stringify(letter("")),
      name,
    ]),
  );
  const ended = adding.map((child) => new Promise((resolve) => child.on("exit", resolve)));
  await Promise.all(adding.map((child) => new Promise((resolve) => child.stdout.once("data", resolve))));
  for (let n = 0; n < 200; n += 10) {
    for (let id = n; id < n + 10; id++) book.mark(mark(`old${id}`, "replayed"));
    book.sync();
    expect(book.purge(key)).toBe(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(ended)).toEqual([0, 0]);
  const ids = new Set(book.entries(key).entries.map(({ id }) => id));
  expect(ids.size).toBe(800);
  expect(book.entries(key).unreadable).toBe(0);
});

test("P5: what a purge that was cut short had not copied yet is brought back", () => {
  const book = bookWith(letter("a"), letter("b"), mark("a", "replayed"));
  const old = `${book.place}.purging`;
  linkSync(book.place, old);
  // As it is when the new file has its name, and what was added meanwhile is not copied.
  appendFileSync(
    old,
    readFileSync(book.place, "utf8").split("\n")[1]?.replace('"id":"b"', '"id":"late"').concat("\n") ?? "",
  );
  const [, b = ""] = readFileSync(old, "utf8").split("\n");
  rmSync(book.place);
  writeFileSync(book.place, `${b}\n`);
  expect(() => book.purge(key)).not.toThrow();
  expect(statuses(book)).toEqual([["b", "open", 0]]);
  expect(() => bookOf(book.place, mark("b", "replayed")).purge(key)).toThrow(
    expect.objectContaining({
      code: "OUTPUT_UNAVAILABLE",
      message: expect.stringContaining("another purge"),
    }),
  );
  const later = new DeadLetterBook(book.place, { now: () => Date.now() + 3_600_000 });
  expect(later.entries(key).entries.map(({ id, status }) => [id, status])).toEqual([
    ["b", "replayed"],
    ["late", "open"],
  ]);
  expect(existsSync(old)).toBe(false);
});

function bookOf(path: string, closing: LetterMark): DeadLetterBook {
  const file = new DeadLetterFile(path);
  file.addLine(`${JSON.stringify(closing)}\n`);
  file.sync();
  return new DeadLetterBook(path);
}
