import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

test("docs/pipeline/warnings.md lists every warning of a run, and no other", () => {
  const page = readFileSync(join(root, "docs/pipeline/warnings.md"), "utf8");
  const [, ofRuns = ""] = page.split(/(?=\n## Warnings about )([\s\S]*)/);
  const listed = [...ofRuns.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code = ""]) => code);
  expect(listed.toSorted()).toEqual([...warningsIn("src")].sort());
});

/** The codes that the project's code warns by, as it names them where it warns. */
function warningsIn(folder: string): Set<string> {
  const codes = new Set<string>();
  for (const path of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts") || path.endsWith(".test.ts")) continue;
    const text = readFileSync(join(root, folder, path), "utf8");
    for (const [, code = ""] of text.matchAll(/(?:warn|[wW]arnings\.add)\(\s*"([A-Z]+_[A-Z_]+)"/g))
      codes.add(code);
    for (const [, code = ""] of text.matchAll(/\{ code: "(ANSWER_[A-Z_]+)", message:/g)) codes.add(code);
  }
  return codes;
}
