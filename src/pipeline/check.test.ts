import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { script, told, whole, written } from "../../test/support/pipeline-files.ts";
import { TidemarkError } from "../errors.ts";
import { checkFile } from "./check.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { checkPipelines, loadPipelines } from "./load.ts";

describe("what is wrong with a pipeline", () => {
  test("six errors are six diagnostics in one go, each at its line", async () => {
    const text = `name: events
conector: acme
input:
  type: httpPolling
  endpoint: source.example.com/api
  pagination:
    type: pages
  statePersistence:
    timestamp:
      field: updated_at
    pagesPerCheckpoint: none
filters:
  - { type: condition, expression: "amount >" }
output:
  type: file
  path: events.jsonl
`;
    expect(await told(text)).toEqual([
      "2:1 KEY_UNKNOWN unknown key `conector`; did you mean `connector`?",
      '5:13 VALUE_INVALID `input.endpoint`: expected a URL such as https://host.example/path, found "source.example.com/api"',
      '7:11 VALUE_INVALID `input.pagination.type`: "pages" is not known; did you mean `page`?',
      "9:5 KEY_MISSING `input.statePersistence.timestamp.queryParam` is missing (The request parameter that carries this value)",
      '11:25 VALUE_INVALID `input.statePersistence.pagesPerCheckpoint`: expected a whole number, found "none"',
      "13:45 EXPRESSION_INVALID `filters[0].expression`: the expression cannot be read: Unexpected end of expression",
    ]);
  });

  test("what is wrong with a regular expression of a condition is reported", async () => {
    const condition = `filters: [{ type: condition, expression: "$contains(id, /^(?=a)/)" }]\n`;
    const text = whole.replace(/^filters:\n(?: .*\n)+/m, condition);
    expect(await told(text)).toContainEqual(
      expect.stringMatching(/EXPRESSION_INVALID .*looks ahead or behind, which can take time without end/),
    );
  });

  test.each([
    ["filters", "{ type: console }", "filters: [{ type: condition, expression: '$uppercas(name)' }]"],
    ["output", `answer: { success: "$uppercas(status) = 'OK'" }`],
    ["output", "answer: { success: [{ status: 200, expression: '$uppercas(a)' }] }"],
    ["output", "answer: { retry: ok = false and $uppercas(code), success: ok }"],
    ["output", "answer: { success: ok, refused: $uppercas(code) = 'X' }"],
    ["output", "answer: { success: ok, reason: $uppercas(message) }"],
    ["output", "batch: { maxRecords: 5 }, answer: { results: { list: $uppercas($), success: ok } }"],
    ["output", "batch: { maxRecords: 5 }, answer: { results: { success: $uppercas(s) = 'OK' } }"],
    ["output", "batch: { maxRecords: 5 }, answer: { results: { success: ok, retry: $uppercas(s) } }"],
    ["output", "batch: { maxRecords: 5 }, answer: { results: { success: ok, reason: $uppercas(s) } }"],
    [
      "output",
      "batch: { maxRecords: 5 }, answer: { results: { success: ok, match: { result: $uppercas(id), record: id } } }",
    ],
  ])(
    "a function that does not exist is reported with its place under %s: %s",
    async (part, keys, more = "") => {
      const output =
        part === "output" ? `{ type: httpRequest, endpoint: "https://target.example.com/a", ${keys} }` : keys;
      const text = `name: a\ninput: { type: database, connectionString: "sqlite:a.db", query: SELECT 1 }\noutput: ${output}\n${more}`;
      const lines = text.split("\n");
      const line = lines.findIndex((one) => one.includes("$uppercas"));
      const place = `${line + 1}:${(lines[line]?.indexOf("$uppercas") ?? 0) + 1}`;
      const found = (await told(text)).filter((one) => one.includes("EXPRESSION_INVALID"));
      expect(found).toEqual([
        expect.stringMatching(
          /^\S+ EXPRESSION_INVALID `(?:filters\[0\]|output)\.\S+`: the expression calls `\$uppercas`, .* did you mean `\$uppercase`\?$/,
        ),
      ]);
      expect(found[0]).toContain(`${place} `);
    },
  );

  test.each([
    ["filters[0].expression", "$n", "n", "", "filters: [{ type: condition, expression: 'ok and $n > 1' }]"],
    ["output.answer.refused", "$error", "error", "answer: { success: ok, refused: $error }", ""],
  ])(
    "a variable that nothing defines is told with its place: %s",
    async (where, name, field, answer, more) => {
      const output = `{ type: httpRequest, endpoint: "https://target.example.com/a", ${answer} }`;
      const text = `name: a\ninput: { type: database, connectionString: "sqlite:a.db", query: SELECT 1 }\noutput: ${output}\n${more}`;
      const lines = text.split("\n");
      const line = lines.findIndex((one) => one.includes(name));
      const [found, ...others] = (await told(text)).filter((one) => one.includes("EXPRESSION_INVALID"));
      expect(others).toEqual([]);
      expect(found).toContain(`${line + 1}:${(lines[line]?.indexOf(name) ?? 0) + 1} `);
      expect(found).toContain(`\`${where}\`: the expression reads \`${name}\``);
      expect(found).toContain(`write \`${field}\` for the field`);
    },
  );

  test.each([
    ["[a, b]", "a list"],
    ["[]", "an empty list"],
    ["{ a: b }", "keys with values"],
    ["true", "a boolean"],
  ])(
    "a value of another kind is reported by its kind alone where a secret belongs: %s",
    async (value, kind) => {
      const input = `{ type: httpPolling, endpoint: "https://x.example", authentication: { type: bearer, token: ${value} } }`;
      const found = await told(`name: a\ninput: ${input}\noutput: { type: console }\n`);
      expect(found).toContainEqual(
        expect.stringContaining(`\`input.authentication.token\`: expected text, found ${kind}`),
      );
    },
  );

  test("a key that is mistyped is one diagnostic, at its line, wherever it is", async () => {
    const lines = whole.split("\n");
    const mistyped = lines.flatMap((line, index) => {
      const [, before = "", key = "", rest = ""] = /^(\s*(?:- )?)([a-zA-Z]+)(:.*)$/.exec(line) ?? [];
      return key === "" ? [] : [{ index, line: `${before}${key.slice(0, -1)}q${rest}`, key }];
    });
    expect(mistyped.length).toBeGreaterThan(40);
    const folder = await written({ "transform.ts": script });
    for (const { index, line, key } of mistyped) {
      const file = join(dirname(folder), "p.yaml");
      await writeFile(file, lines.with(index, line).join("\n"));
      const diagnostics = await checkPipelines([file], { env: {} });
      expect(diagnostics, `with ${key} mistyped`).toMatchObject([{ line: index + 1, code: "KEY_UNKNOWN" }]);
      expect(diagnostics[0]?.message, `with ${key} mistyped`).toContain(`did you mean \`${key}\`?`);
    }
  });

  test("mappings that write the same field, or into one another, are reported at the later one", async () => {
    const mappings = `filters:
  - type: mapping
    mappings:
      - { source: id, target: a }
      - { source: user.name, target: a.b }
      - { source: id, target: "a\\\\.b" }
      - { source: id, target: b.c.d }
      - { source: id, target: b.c }
      - { source: other, target: a }
output:`;
    const both = "and a record cannot hold both; write `\\.` for a dot in a field's name";
    const at = whole.slice(0, whole.indexOf("filters:")).split("\n").length;
    const text = `${whole.slice(0, whole.indexOf("filters:"))}${mappings}${whole.slice(whole.indexOf("output:") + 7)}`;
    expect(await told(text)).toEqual([
      `${at + 4}:38 VALUE_INVALID \`filters[0].mappings[1].target\`: mapping 1 writes \`a\`, ${both}`,
      `${at + 7}:31 VALUE_INVALID \`filters[0].mappings[4].target\`: mapping 4 writes \`b.c.d\`, ${both}`,
      `${at + 8}:34 VALUE_INVALID \`filters[0].mappings[5].target\`: mapping 1 writes \`a\` as well`,
    ]);
  });

  test.each<[string, string, string[]]>([
    ["an empty file", "# nothing yet\n", ["1:1 KEY_MISSING the file holds no pipeline"]],
    [
      "a list",
      "- a\n",
      ["1:1 VALUE_INVALID the pipeline: expected keys with values (`key: value`), found a list"],
    ],
    [
      "nothing but a name",
      "name: x\n",
      [
        "1:1 KEY_MISSING `input` is missing (Where records are read)",
        "1:1 KEY_MISSING `output` is missing (Where records are written)",
      ],
    ],
    [
      "a part without its type",
      "name: x\ninput:\n  endpoint: https://x.example\noutput: { type: console }\n",
      ["2:1 KEY_MISSING `input.type` is missing (one of httpPolling, database, module)"],
    ],
    [
      "a name that is none",
      'name: " x"\ninput: { type: httpPolling, endpoint: "https://x.example" }\noutput: { type: console }\n',
      ["1:7 VALUE_INVALID `name` cannot be a name: it begins or ends with a space"],
    ],
    [
      "a union's nearest alternative",
      "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example', rateLimit: { requestPerSecond: 5 } }\noutput: { type: console }\n",
      [
        "2:73 KEY_UNKNOWN unknown key `requestPerSecond` under `input.rateLimit`; did you mean `requestsPerSecond`?",
      ],
    ],
    [
      "an alias where `type` should be",
      "name: x\ninput: { type: *kind, endpoint: 'https://x.example' }\noutput: { type: console }\n",
      ["2:16 YAML_INVALID no anchor `&kind` is defined before this"],
    ],
    [
      "a key given twice, and another error",
      "name: x\nname: y\ninput: { type: httpPolling, endpoint: 'https://x.example' }\noutput: { type: consol }\n",
      [
        "2:1 KEY_DUPLICATE `name` is given twice",
        '4:17 VALUE_INVALID `output.type`: "consol" is not known; did you mean `console`?',
      ],
    ],
  ])("%s", async (_, text, expected) => {
    expect(await told(text)).toEqual(expected);
  });

  test("a script that is missing or has no default export is reported where it is named", async () => {
    const file = await written({
      "p.yaml":
        "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example' }\nfilters:\n  - type: script\n    path: ./gone.ts\n  - type: script\n    path: none.mjs\noutput: { type: console }\n",
      "none.mjs": "export const a = 1;\n",
    });
    expect(await checkPipelines([file])).toMatchObject([
      {
        line: 5,
        column: 11,
        code: "SCRIPT_INVALID",
        message: expect.stringMatching(/^no script is at .*gone\.ts$/),
      },
      {
        line: 7,
        column: 11,
        code: "SCRIPT_INVALID",
        message: expect.stringContaining("has no default export"),
      },
    ]);
  });

  test("two pipelines of one stream, or one file, are refused", async () => {
    const one = (name: string, path: string) =>
      `name: ${name}\nstream: s\ninput: { type: httpPolling, endpoint: 'https://x.example', key: id }\noutput: { type: file, path: ${path} }\n`;
    const file = await written({
      "a.yaml": one("x", "a.jsonl"),
      "b.yaml": `${one("x", "b.jsonl")}---\n${one("y", "./a.jsonl")}`,
    });
    const diagnostics = await checkPipelines([dirname(file)]);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    expect(errors).toMatchObject([
      {
        line: 1,
        code: "CONFIG_INCOHERENT",
        message: expect.stringContaining("the stream x/s is already that of the pipeline at"),
      },
      {
        line: 9,
        code: "CONFIG_INCOHERENT",
        message: expect.stringContaining("the file ./a.jsonl is already that of"),
      },
    ]);
    await expect(loadPipelines([dirname(file)])).rejects.toMatchObject({ code: "PIPELINE_INVALID" });
  });

  test("loading throws all of it in one error", async () => {
    const file = await written({ "p.yaml": "name: 5x\ninput: 5\noutput: { type: console, x: 1 }\n" });
    const error = await loadPipelines([file]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TidemarkError);
    expect(error).toMatchObject({
      code: "PIPELINE_INVALID",
      message: expect.stringContaining("the pipeline has 2 errors: "),
      where: { file, line: 2, column: 8 },
      details: { diagnostics: [{ line: 2 }, { line: 3, code: "KEY_UNKNOWN" }] },
    });
  });

  test("a path without a pipeline is reported as such", async () => {
    const file = await written({ "folder/notes.txt": "x" });
    await expect(loadPipelines([`${file}.yaml`])).rejects.toMatchObject({ code: "PIPELINE_NOT_FOUND" });
    await expect(loadPipelines([dirname(file)])).rejects.toMatchObject({ code: "PIPELINE_NOT_FOUND" });
    expect(await checkPipelines([`${file}.yaml`])).toMatchObject([
      { code: "PIPELINE_NOT_FOUND", line: 1, column: 1 },
    ]);
  });
});

test("a file that is not in UTF-8 is reported, since its paths and passwords would be changed", async () => {
  const file = await written({ "p.yaml": "" });
  await writeFile(file, Buffer.from("name: caf\xe9\n", "latin1"));
  expect(await checkPipelines([file])).toMatchObject([
    { code: "YAML_INVALID", line: 1, column: 1, message: "the file is no text in UTF-8" },
  ]);
});

test("a file that cannot be read is not called missing", async () => {
  const file = await written({ "p.yaml/inner": "" });
  // A folder in place of the file: also the superuser cannot read it as one.
  await expect(checkFile(dirname(file), {})).rejects.toMatchObject({
    code: "PIPELINE_NOT_FOUND",
    message: expect.stringContaining("p.yaml cannot be read: EISDIR"),
    hint: "Let the user that Tidemark runs as read the file and its folder.",
  });
});

test("whatever a file holds, there are diagnostics, and nothing is thrown", async () => {
  const file = await written({ "p.yaml": "" });
  const lines = whole.split("\n");
  const value = fc.oneof(
    fc.constantFrom(
      "",
      "[]",
      "{}",
      "null",
      "5",
      "-1",
      "1e400",
      "true",
      "'x'",
      "*a",
      "&a x",
      "!t",
      "${A}",
      "${",
      "[a",
      "{a: b",
      "|",
      "- -",
      ".inf",
    ),
    fc.string({ maxLength: 10 }),
  );
  const key = fc.constantFrom(...new Set(whole.match(/[a-zA-Z]+(?=:)/g)), "tpye", "limt", "x", "__proto__");
  const mutation = fc.oneof(
    fc.record({ change: fc.constant("line" as const), line: fc.nat(lines.length - 1), to: value }),
    fc.record({ change: fc.constant("value" as const), line: fc.nat(lines.length - 1), to: value }),
    fc.record({ change: fc.constant("key" as const), line: fc.nat(lines.length - 1), to: key }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
      let text = lines;
      for (const { change, line, to } of mutations) {
        const before = text[line] ?? "";
        const after =
          change === "key" ? before.replace(/[a-zA-Z]+(?=:)/, to) : before.replace(/:.*$/, `: ${to}`);
        text = text.with(line, change === "line" ? to : after);
      }
      await writeFile(file, text.join("\n"));
      const diagnostics: readonly Diagnostic[] = await checkPipelines([file], { env: { A: "x" } });
      for (const { line, column, message } of diagnostics) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 300 },
  );
});
