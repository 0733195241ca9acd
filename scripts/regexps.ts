import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkSync } from "recheck";
import { parseAst } from "rolldown/parseAst";
import { madeAtRunTime, trusted } from "./trusted-regexps.ts";

/**
 * Refuses a regular expression of `src` whose time can grow faster than the text: one long text would hold the
 * process up. Fix it, or scan by hand; what only ever sees short or trusted texts is listed in
 * `trusted-regexps.ts`. What was found safe is not looked at again: it is in `safe-regexps.json`, which `--write` writes,
 * or in `node_modules/.cache`.
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const cacheFile = join(root, "node_modules/.cache/regexps.json");
const safeFile = join(root, "scripts/safe-regexps.json");
const patienceMs = 60_000;
const left = /\.test\.ts$/;

interface Found {
  readonly place: string;
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

const found: Found[] = [];
const made = new Map<string, number>();

for (const name of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
  const file = `src/${name.replaceAll("\\", "/")}`;
  if (!file.endsWith(".ts") || left.test(file)) continue;
  const text = readFileSync(join(root, file), "utf8");
  collect(parseAst(text, { lang: "ts" }), file, text);
}

function collect(node: unknown, file: string, text: string): void {
  if (typeof node !== "object" || node === null) return;
  if ("regex" in node && "start" in node && typeof node.start === "number") {
    const { regex } = node;
    if (typeof regex === "object" && regex !== null && "pattern" in regex && "flags" in regex) {
      const line = text.slice(0, node.start).split("\n").length;
      found.push({
        place: `${file}:${line}`,
        file,
        source: String(regex.pattern),
        flags: String(regex.flags),
      });
    }
  }
  if ("type" in node && (node.type === "NewExpression" || node.type === "CallExpression")) {
    const { callee } = { callee: undefined, ...node };
    if (nameOf(callee) === "RegExp") made.set(file, (made.get(file) ?? 0) + 1);
  }
  for (const inner of Object.values(node)) collect(inner, file, text);
}

function nameOf(node: unknown): unknown {
  return typeof node === "object" && node !== null && "name" in node ? node.name : undefined;
}

const known = new Set([...listIn(safeFile), ...listIn(cacheFile)]);
const safe = new Set<string>();
const problems: string[] = [];
const used = new Set<string>();
for (const { place, file, source, flags } of found) {
  if (trusted[file]?.some(([listed]) => listed === source) === true) {
    used.add(`${file} ${source}`);
    continue;
  }
  const name = `/${source}/${flags}`;
  if (known.has(name)) {
    safe.add(name);
    continue;
  }
  const result = checkSync(source, flags.replace(/[dv]/g, ""), { timeout: patienceMs });
  if (result.status === "safe") safe.add(name);
  else {
    const why = result.status === "vulnerable" ? result.complexity.summary : `unknown (${result.error.kind})`;
    problems.push(`${place}: ${name}: ${why}`);
  }
}
for (const [file, count] of made) {
  const listed = madeAtRunTime[file]?.[0] ?? 0;
  if (count > listed) problems.push(`${file}: makes ${count} regular expressions, and ${listed} are listed`);
}
for (const [file, list] of Object.entries(trusted)) {
  for (const [source] of list) {
    if (!used.has(`${file} ${source}`)) problems.push(`${file}: /${source}/ is listed, and no longer there`);
  }
}
mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
writeFileSync(cacheFile, JSON.stringify([...known, ...safe]));
if (process.argv.includes("--write"))
  writeFileSync(safeFile, `${JSON.stringify([...safe].sort(), null, 2)}\n`);
for (const problem of problems) console.error(problem);
if (problems.length > 0)
  console.error("Fix them; list in scripts/trusted-regexps.ts what sees short texts only.");
else console.log(`${found.length} regular expressions, each in linear time or listed.`);
process.exitCode = problems.length === 0 ? 0 : 1;

function listIn(file: string): string[] {
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(kept) ? kept.map(String) : [];
  } catch {
    return [];
  }
}
