import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { told } from "../../test/support/pipeline-files.ts";
import { defineOutput } from "./define.ts";

const freshFolder = (): string => mkdtempSync(join(tmpdir(), "tidemark-names-"));

const withOutput = (keys: string): string => `name: a
input: { type: httpPolling, endpoint: "https://source.example.com/a", key: id, statePersistence: { id: { field: id, queryParam: after } } }
output: ${keys}
`;

const letters = (path: string): string =>
  withOutput(`{ type: console, onError: deadLetter, deadLetter: { path: "${path}" } }`);
const records = (path: string): string => withOutput(`{ type: file, path: "${path}" }`);

/** Where the path of `letters`, and of `records`, stands. */
const letterPlace = "3:67 VALUE_INVALID `output.deadLetter.path`";
const recordPlace = "3:29 VALUE_INVALID `output.path`";

describe("the file of refused records", () => {
  test("cannot be a folder that is there, also behind a link", async () => {
    const folder = freshFolder();
    const link = join(freshFolder(), "link");
    symlinkSync(folder, link);
    for (const path of [folder, link]) {
      expect(await told(letters(path))).toEqual([
        `${letterPlace} is the folder ${path}; write the name of a file in it, such as \`${path}/refused.jsonl\``,
      ]);
    }
  });

  test("cannot end like a folder, whether there is one or not", async () => {
    expect(await told(letters("./no/such/"))).toEqual([
      `${letterPlace} is a folder, since it ends in \`/\`; write the name of a file, such as \`no/such/refused.jsonl\``,
    ]);
  });

  test.each([
    ["./refused-{{ date }}.jsonl", "{{ date }}"],
    ["./{{stream}}/refused.jsonl", "{{stream}}"],
    ["./refused-{{ da", "{{ da"],
  ])("is not filled in: %s", async (path, braces) => {
    expect(await told(letters(path))).toEqual([
      `${letterPlace} holds \`${braces}\`, and nothing is filled in here; write one name for all runs, such as \`./refused.jsonl\`, and move the file away when you want a new one`,
    ]);
  });

  test("cannot lie in a file", async () => {
    const file = join(freshFolder(), "orders.jsonl");
    writeFileSync(file, "");
    expect(await told(letters(`${file}/a/b.jsonl`))).toEqual([
      `${letterPlace} cannot be made, since ${file} is a file and no folder; write a path through folders only`,
    ]);
  });

  test("cannot be the file to which the output moves lines that are not its own", async () => {
    const path = "./orders.jsonl";
    const output = `{ type: file, path: ${path}, onError: deadLetter, deadLetter: { path: ${path}.aside } }`;
    expect(await told(withOutput(output))).toEqual([
      expect.stringMatching(
        /^3:\d+ VALUE_INVALID `output.deadLetter.path` is the file to which lines that are not the output's own are moved/,
      ),
    ]);
  });

  test("may be a file that is there, or one in folders that are not", async () => {
    const folder = freshFolder();
    const file = join(folder, "refused.jsonl");
    writeFileSync(file, "");
    for (const path of [file, join(folder, "no/such/refused.jsonl"), "refused {1}.jsonl"]) {
      expect(await told(letters(path))).toEqual([]);
    }
  });
});

describe("the file of an output", () => {
  test("cannot be a folder", async () => {
    const folder = freshFolder();
    expect(await told(records(folder))).toEqual([
      `${recordPlace} is the folder ${folder}; write the name of a file in it, such as \`${folder}/records.jsonl\``,
    ]);
    expect(await told(records("./out/{{ date }}/"))).toEqual([
      `${recordPlace} is a folder, since it ends in \`/\`; write the name of a file, such as \`out/{{ date }}/records.jsonl\``,
    ]);
  });

  test("needs the names next to it", async () => {
    const path = join(freshFolder(), "orders.jsonl");
    mkdirSync(`${path}.aside`);
    expect(await told(records(path))).toEqual([
      `${recordPlace} needs the file ${path}.aside for lines that are not its own, and a folder has that name; move it away, or write another path`,
    ]);
    writeFileSync(`${path}.tidemark`, "");
    expect(await told(records(path))).toEqual([
      `${recordPlace} needs the folder ${path}.tidemark for what is committed, and a file has that name; move it away, or write another path`,
    ]);
  });

  test("may be there with its ledger and with lines that were moved", async () => {
    const path = join(freshFolder(), "orders.jsonl");
    mkdirSync(`${path}.tidemark`);
    for (const name of [path, `${path}.aside`]) writeFileSync(name, "");
    expect(await told(records(path))).toEqual([]);
    expect(await told(records(join(freshFolder(), "{{ year }}/{{ date }}.jsonl")))).toEqual([]);
  });

  test("is refused in code too", () => {
    expect(() => defineOutput({ type: "file", path: "./out/" })).toThrow("ends in `/`");
  });
});

describe("the folder of a pipeline's own state", () => {
  const withState = (path: string): string =>
    withOutput("{ type: console }").replace(
      "statePersistence: {",
      `statePersistence: { storagePath: "${path}",`,
    );

  test("cannot be a file, nor lie in one", async () => {
    const file = join(freshFolder(), "state");
    writeFileSync(file, "");
    for (const path of [file, `${file}/events`]) {
      expect(await told(withState(path))).toEqual([
        `2:113 VALUE_INVALID \`input.statePersistence.storagePath\` cannot be a folder, since ${file} is a file; write a path through folders only`,
      ]);
    }
  });

  test("may be a folder that is there, or is not", async () => {
    const folder = freshFolder();
    for (const path of [folder, `${folder}/a/b/`]) expect(await told(withState(path))).toEqual([]);
  });
});
