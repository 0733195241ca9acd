import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { diagnosticCodes, formatConfigPath } from "../findings.ts";
import { registerSecret } from "../secrets.ts";
import { type Diagnostic, formatDiagnostic } from "./diagnostics.ts";

const diagnostic: Diagnostic = {
  file: "events.yaml",
  line: 3,
  column: 7,
  severity: "error",
  code: "VALUE_INVALID",
  message: "it is\n  wrong",
};

test("a diagnostic is one line, with its hint, and says when it is only a warning", () => {
  expect(formatDiagnostic(diagnostic)).toBe("events.yaml:3:7 VALUE_INVALID it is wrong");
  expect(formatDiagnostic({ ...diagnostic, severity: "warning", hint: "mend it" })).toBe(
    "events.yaml:3:7 VALUE_INVALID warning: it is wrong (mend it)",
  );
});

test("P14: a diagnostic shows no secret", () => {
  registerSecret("secret-in-a-diagnostic");
  expect(formatDiagnostic({ ...diagnostic, message: "a secret-in-a-diagnostic" })).toContain("a [redacted]");
});

test("a place in a pipeline reads as code does", () => {
  expect(formatConfigPath(["filters", 1, "mappings", 0, "target"])).toBe("filters[1].mappings[0].target");
});

test("the documentation lists every code with its meaning", async () => {
  const page = await readFile(new URL("../../docs/pipeline/warnings.md", import.meta.url), "utf8");
  const [, section = ""] = page.split("\n## Found by `validate`\n");
  const listed = [...(section.split("\n## ")[0] ?? "").matchAll(/^\| `([A-Z_]+)` *\| (.*?) *\|$/gm)].map(
    ([, code, meaning]) => [code, meaning],
  );
  expect(listed).toEqual(Object.entries(diagnosticCodes));
});
