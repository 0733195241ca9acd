import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../test/support/command.ts";
import { redact } from "../secrets.ts";
import { substitute } from "./environment.ts";
import { fingerprintOfFiles } from "./secret-file.ts";
import { readDocuments } from "./source.ts";

function secretFile(content: string | Buffer): string {
  const path = join(testFolder(), "token");
  writeFileSync(path, content);
  return path;
}

test.each([
  ["with a line break at its end", "tok-of-file\n", "tok-of-file"],
  ["as Windows writes it", "tok-of-file\r\n", "tok-of-file"],
  ["of several lines", "a\nb\n\n", "a\nb\n"],
  ["that looks like a variable", "${HOME}", "${HOME}"],
])("a file %s is filled in", (_how, content, value) => {
  const path = secretFile(content);
  expect(substitute(`x \${file:${path}} y`, {})).toMatchObject({ text: `x ${value} y`, problems: [] });
});

test.each([
  ["empty", "\n", "it is empty"],
  ["no text", Buffer.from([0xff, 0xfe]), "it is no UTF-8 text"],
  ["too long", "x".repeat(70_000), "it has more than 65536 bytes"],
])("a file that is %s is an error that names it", (_what, content, why) => {
  const path = secretFile(content);
  expect(substitute(`\${file:${path}}`, {}).problems).toMatchObject([
    { code: "ENV_MISSING", message: `the file ${path} cannot be used: ${why}` },
  ]);
});

test("a file that is not there is an error", () => {
  const { problems } = substitute("${file:/nowhere/token}", {});
  expect(problems).toMatchObject([{ code: "ENV_MISSING", message: expect.stringContaining("no such file") }]);
});

test("P14: what a file brings is a secret, wherever it is filled in", () => {
  const path = secretFile("tok-from-a-file-4711\n");
  const [source] = readDocuments(`input: { endpoint: "http://a.example/\${file:${path}}" }`, {});
  expect(source?.findings).toEqual([]);
  expect(redact("see tok-from-a-file-4711")).toBe("see [redacted]");
});

test("P14: what tells that a file has changed holds nothing of it", () => {
  const secret = "tok-from-a-file-4712";
  const path = secretFile(secret);
  const before = fingerprintOfFiles(`a: \${file:${path}}`);
  expect(before).not.toContain(secret);
  writeFileSync(path, "another");
  expect(fingerprintOfFiles(`a: \${file:${path}}`)).not.toBe(before);
  expect(fingerprintOfFiles("a: ${NAME}")).toBe("");
});
