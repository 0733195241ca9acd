import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tidemark } from "./cli/support.ts";
import { testFolder } from "./support/command.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

/** What the command and its files show of a pipeline with this condition, and its variable `TOKEN`. */
async function shownBy(expression: string, secret: string, onError = "fail"): Promise<string> {
  const records = [{ id: 1, updated_at: "2026-01-01T00:00:00Z", tok: "x", status: "a" }];
  await using server = await startHttpServer((_, response) => sendJson(response, { data: records }));
  const folder = testFolder();
  writeFileSync(
    join(folder, "x.yaml"),
    `name: x
input:
  type: httpPolling
  endpoint: ${server.origin}/
  dataField: data
  key: id
  statePersistence: { timestamp: { field: updated_at, queryParam: since }, storagePath: ./state }
filters:
  - type: condition
    onError: ${onError}
    expression: |-
      ${expression}
output: { type: file, path: ./out.jsonl, deadLetter: { path: ./letters.jsonl }, onError: deadLetter }
`,
  );
  const options = { cwd: folder, env: { TOKEN: secret } };
  const told: string[] = [];
  for (const args of [
    ["validate", "x.yaml", "--json"],
    ["run", "x.yaml"],
  ]) {
    const { stdout, stderr } = await tidemark(args, options);
    told.push(stdout, stderr);
  }
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, file);
    if (!file.endsWith(".yaml") && statSync(path).isFile()) told.push(readFileSync(path, "latin1"));
  }
  return told.join("\n");
}

test.each([
  ['tok = "${TOKEN}"', 'abc"SuperSecretTail99', ["SuperSecretTail99"]],
  ['tok = "${TOKEN}"', 'ab"c\\d/e+f==xyz', ["c\\\\d", '\\"d', 'c\\"']],
  ["tok = ${TOKEN}", "$hunter2", ["hunter2"]],
  ["tok = ${TOKEN}", "s3cret-p4ssword", ["p4ssword"]],
  ["tok != ${TOKEN}", "s3cret-p4ssword", ["p4ssword"]],
  ['tok = "${TOKEN}" and $lenght(tok) > 1', "s3cret-p4ssword", ["s3cret"]],
])("P14: of a secret in an expression nothing is quoted: %s with %s", async (expression, secret, traces) => {
  const shown = await shownBy(expression, secret);
  for (const trace of [secret, ...traces]) expect(shown).not.toContain(trace);
});

test("P14: an error next to a secret is reported in its own words", async () => {
  expect(await shownBy('tok = "${TOKEN}" and $lenght(tok) > 1', "s3cret-p4ssword")).toContain(
    "did you mean `$length`?",
  );
  expect(await shownBy('tok = "${TOKEN}"', 'abc"SuperSecretTail99')).toContain(
    "x.yaml:12:18 EXPRESSION_INVALID `filters[0].expression`: the expression cannot be read with the secret",
  );
});

test.each([
  ['$number($substring("${TOKEN}", 3, 8)) > 1', "Secret-V", "fail"],
  ['$number($uppercase("${TOKEN}")) > 1', "MY-SECRET", "deadLetter"],
  ['$error($substring("${TOKEN}", 3, 8))', "Secret-V", "deadLetter"],
])("P14: what %s makes from a secret is not quoted where it fails", async (expression, trace, onError) => {
  const shown = await shownBy(expression, "my-Secret-Value-77", onError);
  expect(shown).toContain("its words are left out, since the expression holds a secret");
  expect(shown).not.toContain(trace);
});
