import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../clock.ts";
import type { OutputSession } from "../../engine/ports.ts";
import { emptyPosition } from "../../model/position.ts";
import { createFileOutput } from "./file.ts";
import { fileOutputSchema } from "./schema.ts";

interface Place {
  readonly csv: string;
  readonly jsonl: string;
  readonly warnings: string[];
  /** Claims a file, as its next run does. */
  claim(path: string, lastPlace?: string): Promise<OutputSession>;
  /** Delivers two records as one run. */
  deliver(path: string, lastPlace?: string): Promise<void>;
}

function freshPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-changed-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const warnings: string[] = [];
  let epoch = 0;
  const claim = async (path: string, lastPlace?: string): Promise<OutputSession> => {
    const format = path.endsWith(".csv") ? "csv" : "jsonl";
    const config = fileOutputSchema.parse({ type: "file", path, format });
    const session = await createFileOutput(config).open({
      key: { connector: "acme", stream: "events" },
      clock: systemClock,
      signal: new AbortController().signal,
      warn: (code) => void warnings.push(code),
      scope: "",
      leaseSeconds: 60,
    });
    onTestFinished(() => session.close());
    epoch += 1;
    await session.fence(epoch, "run", lastPlace);
    return session;
  };
  return {
    csv: join(folder, "out.csv"),
    jsonl: join(folder, "out.jsonl"),
    warnings,
    claim,
    async deliver(path, lastPlace) {
      const session = await claim(path, lastPlace);
      const records = [1, 2].map((id) => ({ id: id + 2 * epoch, name: `n${id}` }));
      await session.write({ records });
      await session.commit({
        epoch,
        sequence: 1,
        position: emptyPosition,
        cursorType: "numeric_id",
        windowFinished: true,
      });
      await session.close();
    },
  };
}

const edit = (path: string, change: (text: string) => string): string => {
  const edited = change(readFileSync(path, "utf8"));
  writeFileSync(path, edited);
  return edited;
};

const zeroEnd = (text: string): string => `${text.slice(0, -20)}${"\0".repeat(20)}`;

test.each<[string, "csv" | "jsonl", (text: string) => string, RegExp]>([
  ["a value that was made longer", "jsonl", (text) => text.replace("n1", "nnn1"), /it has grown to/],
  ["a value longer by one character", "jsonl", (text) => text.replace("n1", "nn1"), /it has grown to/],
  ["a line that stands twice", "jsonl", (text) => text.replace(/^.*\n/, "$&$&"), /it has grown to/],
  ["a value of a CSV", "csv", (text) => text.replace("n2", "nn2"), /it has grown to/],
  ["CR LF by an editor", "csv", (text) => text.replaceAll("\n", "\r\n"), /begins with "id,name\\r" now/],
  ["a byte order mark by an editor", "csv", (text) => `\u{FEFF}${text}`, /begins with "\\ufeffid,n/],
  [
    "names of a header that were swapped",
    "csv",
    (text) => text.replace("id,name", "name,id"),
    /"name,id\\n" now/,
  ],
  [
    "the last byte changed",
    "jsonl",
    (text) => `${text.slice(0, -1)}x`,
    /bytes before the committed length are not those/,
  ],
  ["the last value changed", "csv", (text) => text.replace(/n2\n$/, "m2\n"), /not those that were written\./],
  ["zeros after a power loss", "jsonl", zeroEnd, /it ends in zero bytes, as a power loss leaves them/],
  ["zeros in a CSV", "csv", zeroEnd, /it ends in zero bytes, as a power loss leaves them/],
  ["a header's name", "csv", (text) => text.replace("id,name", "ID,name"), /"ID,name\\n" now/],
])("P6: %s: the file is refused, and stays as it is", async (_, kind, change, seen) => {
  const place = freshPlace();
  const path = place[kind];
  await place.deliver(path);
  await place.deliver(path);
  const written = readFileSync(path, "utf8");
  const edited = edit(path, change);
  const refused = {
    code: "OUTPUT_LOST",
    message: expect.stringMatching(
      new RegExp(`${basename(path)} was changed by something else: .*${seen.source}`),
    ),
  };
  await expect(place.claim(path)).rejects.toMatchObject(refused);
  await expect(place.claim(path)).rejects.toMatchObject(refused);
  expect(readFileSync(path, "utf8")).toBe(edited);
  expect(place.warnings).toEqual([]);

  writeFileSync(path, written);
  await place.deliver(path);
  expect(readFileSync(path, "utf8").startsWith(written)).toBe(true);
});

test("a file that is changed while a run goes on is refused by its commit", async () => {
  const { jsonl, claim, deliver } = freshPlace();
  await deliver(jsonl);
  const session = await claim(jsonl);
  const edited = edit(jsonl, (text) => text.replace("n1", "nnn1"));
  await session.write({ records: [{ id: 9 }] });
  const commit = { epoch: 2, sequence: 1, position: emptyPosition, cursorType: null, windowFinished: true };
  await expect(session.commit(commit)).rejects.toMatchObject({ code: "OUTPUT_LOST" });
  expect(readFileSync(jsonl, "utf8")).toBe(edited);
});

test("a stream goes on in another file, and the one that was changed stays as it is", async () => {
  const { jsonl, warnings, deliver } = freshPlace();
  await deliver(jsonl);
  const edited = edit(jsonl, (text) => text.replace("n1", "nnn1"));
  await deliver(`${jsonl}.new`, jsonl);
  expect(warnings).toEqual(["FILE_CHANGED"]);
  expect(readFileSync(jsonl, "utf8")).toBe(edited);
  expect(readFileSync(`${jsonl}.new`, "utf8")).toContain("n2");
});

test("a file that the run has left is reported where its end was overwritten", async () => {
  const { jsonl, warnings, deliver } = freshPlace();
  await deliver(jsonl);
  edit(jsonl, zeroEnd);
  await deliver(`${jsonl}.new`, jsonl);
  expect(warnings).toEqual(["FILE_CHANGED"]);
});

test("a file without the end of its last line is gone on with, also behind a run that was killed", async () => {
  const { jsonl, claim, deliver, warnings } = freshPlace();
  writeFileSync(jsonl, '{"id":0}');
  await claim(jsonl);
  expect(warnings).toEqual(["LINE_UNENDED"]);
  edit(jsonl, (text) => `${text}\n{"id`);
  await deliver(jsonl);
  expect(readFileSync(jsonl, "utf8")).toMatch(/^\{"id":0\}\n\{"id":\d+,"name":"n1"\}\n/);
});

test.each<[string, (text: string) => string, RegExp]>([
  ["a line that is broken", (text) => text.replace('"name"', "name"), /out\.jsonl:1 is no JSON/],
  ["a line that is no object", (text) => text.replace(/^.*\n/, "7\n"), /out\.jsonl:1 holds no JSON object/],
])("%s ends a comparison, with what to do about the file", async (_, change, message) => {
  const { jsonl, deliver } = freshPlace();
  await deliver(jsonl);
  edit(jsonl, change);
  const config = fileOutputSchema.parse({ type: "file", path: jsonl });
  const { signal } = new AbortController();
  const context = {
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    warn: () => {},
    signal,
  };
  const reader = await createFileOutput(config).openReader?.(context);
  const reading = async () => {
    for await (const _ of reader?.rows([], signal) ?? []);
  };
  await expect(reading()).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(message),
    hint: expect.stringMatching(
      /^Nothing was compared: .*Put the file back as it was written.*compare again\.$/,
    ),
  });
});

test("a file that an older version committed is refused where its committed end lies inside a line or in zeros", async () => {
  const { jsonl, deliver, claim, warnings } = freshPlace();
  await deliver(jsonl);
  const database = new DatabaseSync(join(`${jsonl}.tidemark`, "ledger.db"));
  database.exec(
    "ALTER TABLE files DROP COLUMN head; ALTER TABLE files DROP COLUMN tail; PRAGMA user_version = 3",
  );
  database.close();
  const edited = edit(jsonl, (text) => text.replace("n1", "nnn1"));
  await expect(claim(jsonl)).rejects.toMatchObject({ code: "OUTPUT_LOST" });
  edit(jsonl, () => zeroEnd(edited.replace("nnn1", "n1")));
  await expect(claim(jsonl)).rejects.toMatchObject({ code: "OUTPUT_LOST" });
  edit(jsonl, () => `${edited.replace("nnn1", "n1")}{"half`);
  await deliver(jsonl);
  expect(warnings).toEqual(["LINES_SET_ASIDE"]);
});
