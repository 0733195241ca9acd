import { describe, expect, test } from "vitest";
import { told, written } from "../../test/support/pipeline-files.ts";
import { redact } from "../secrets.ts";
import { formatDiagnostic } from "./diagnostics.ts";
import { checkPipelines, loadPipelines } from "./load.ts";

describe("values from the environment", () => {
  const text = (more: string) =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  ${more}\noutput: { type: console }\n`;

  test.each<[string, Record<string, string>]>([
    ["timeoutMs: ${MS}", { MS: "5000" }],
    ["timeoutMs: ${SECONDS}000", { SECONDS: "5" }],
    ["timeoutMs: ${MS:-5000}", {}],
    ["rateLimit: { requestsPerSecond: '${RATE}' }", { RATE: "0.5" }],
    ["statePersistence: { id: { field: id, queryParam: after, enabled: '${ON}' } }", { ON: "true" }],
    ["method: ${METHOD}", { METHOD: "POST" }],
    ["queryParams: { a: '${A}', b: '${B}' }", { A: "5", B: "true" }],
  ])("%s fits where a number, a choice or true and false is wanted", async (line, env) => {
    expect(await told(text(line), { env })).toEqual([]);
  });

  test("one that does not fit is reported without what it holds", async () => {
    expect(await told(text("timeoutMs: ${MS}"), { env: { MS: "soon" } })).toEqual([
      "5:14 VALUE_INVALID `input.timeoutMs`: expected a whole number, found what ${MS} holds",
    ]);
  });

  test("one that is missing is one error, whatever its value would have been", async () => {
    expect(await told(text("timeoutMs: ${MS}"), { env: { M: "1" } })).toEqual([
      "5:14 ENV_MISSING `input.timeoutMs`: the environment variable MS is not set; M is (set it, or give a default: ${MS:-…})",
    ]);
  });

  test("a text in quotes is a text; a number where text is wanted is the text that was written", async () => {
    expect(await told(text('timeoutMs: "5000"'))).toEqual([
      '5:14 VALUE_INVALID `input.timeoutMs`: expected a whole number, found "5000"',
    ]);
    expect(
      await told(text("statePersistence: { lookback: 010, id: { field: id, queryParam: 007 } }")),
    ).toEqual([]);
  });

  test("P14: neither a diagnostic nor an error shows a secret", async () => {
    const secret = "hunter2-is-the-secret";
    const file = await written({
      "p.yaml": text(
        "queryParams: [ '${TOKEN}' ]\n  authentication: { type: bearer, tokn: 'literal-token-x' }\n  headers: { 'bad header ${TOKEN}': 1 }",
      ).replace("https://x.example", "https://ann:${TOKEN}@x.example"),
    });
    const diagnostics = await checkPipelines([file], { env: { TOKEN: secret } });
    expect(diagnostics.length).toBeGreaterThan(1);
    const error = await loadPipelines([file], { env: { TOKEN: secret } }).catch((thrown: unknown) => thrown);
    expect(`${JSON.stringify(diagnostics)}${diagnostics.map(formatDiagnostic)}`).not.toContain(secret);
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain(secret);
    expect(redact(secret)).toBe("[redacted]");
  });
});
