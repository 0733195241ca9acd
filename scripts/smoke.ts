import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Builds and packs the package, installs the tarball into an empty folder as a user would, and runs
 * it: the library, the types, the command. Fails at the first thing that is not as it should be.
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tidemark-smoke-"));

function run(cwd: string, command: string, ...args: string[]): string {
  console.log(`$ ${command} ${args.join(" ")}`);
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** What a command says that must fail. */
function refusal(cwd: string, tidemark: string, ...args: string[]): string {
  console.log(`$ tidemark ${args.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [tidemark, ...args], { cwd, encoding: "utf8" });
  if (status === 0) throw new Error(`expected a failure and got:\n${stdout}`);
  return stdout;
}

/** A connector has the library, and zod, from its own imports: they and the command's must agree. */
function checkConnector(tidemark: string): void {
  writeFileSync(
    join(folder, "log.ts"),
    `import { defineConnector, TidemarkError } from "tidemark";
     import { z } from "zod";
     export default defineConnector({
       id: "log",
       configSchema: z.strictObject({ last: z.int() }),
       async *sync({ cursor, config }) {
         if (cursor === String(config.last)) throw new TidemarkError("SOURCE_REFUSED", "there is no more");
         yield { records: [{ id: config.last }], cursor: String(config.last) };
       },
     });`,
  );
  writeFileSync(
    join(folder, "log.yaml"),
    `name: log
input: { type: module, path: ./log.ts, config: { last: 7 } }
output: { type: file, path: ./log.jsonl }
`,
  );
  expectText(run(folder, process.execPath, tidemark, "run", "log.yaml", "--json"), '"records_written":1');
  expectText(refusal(folder, tidemark, "run", "log.yaml", "--json"), "SOURCE_REFUSED");
  writeFileSync(
    join(folder, "log.yaml"),
    readFileSync(join(folder, "log.yaml"), "utf8").replace("7", "seven"),
  );
  expectText(refusal(folder, tidemark, "validate", "log.yaml", "--json"), "last");
}

/** So has an output module, whose types are checked with the connector's. */
function checkOutputModule(tidemark: string): void {
  writeFileSync(
    join(folder, "lines.ts"),
    `import { appendFileSync } from "node:fs";
     import { defineOutputModule } from "tidemark";
     import { z } from "zod";
     export default defineOutputModule({
       id: "lines",
       configSchema: z.strictObject({ path: z.string() }),
       create: ({ path }) => ({
         guarantee: "at-least-once",
         appends: false,
         open: ({ refusals }) => ({
           async write({ records }) {
             for (const record of records) {
               if (record.id === 8) refusals.refuse({ record, reason: new Error("8 is too many") });
               else appendFileSync(path, JSON.stringify(record) + "\\n");
             }
             return records.length;
           },
         }),
       }),
     });`,
  );
  const pipeline = (last: number): string => `name: lines
input: { type: module, path: ./log.ts, config: { last: ${last} } }
output: { type: module, path: ./lines.ts, config: { path: ./lines.jsonl } }
`;
  writeFileSync(join(folder, "lines.yaml"), pipeline(7));
  expectText(run(folder, process.execPath, tidemark, "run", "lines.yaml", "--json"), '"records_written":1');
  expectText(readFileSync(join(folder, "lines.jsonl"), "utf8"), '{"id":7}');
  writeFileSync(join(folder, "lines.yaml"), pipeline(8));
  expectText(refusal(folder, tidemark, "run", "lines.yaml", "--json"), "8 is too many");
}

const typeCheck = [
  ...["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--skipLibCheck", "false"],
  ...["--types", "node", "--typeRoots", join(root, "node_modules/@types")],
];

/** Checks code as in a user's project, down to the package's own declarations. */
function checkTypes(): void {
  writeFileSync(
    join(folder, "service.ts"),
    `export * from "tidemark/service"; export * from "tidemark/testing";`,
  );
  run(folder, join(root, "node_modules/.bin/tsc"), ...typeCheck, "log.ts", "lines.ts", "service.ts");
}

/**
 * On an older Node, where this machine has one beside its own, every entry says which Node is needed. The files have
 * to be such as that Node can read, so that it gets to say so.
 */
function checkOlderNode(): void {
  const older = (process.env.PATH ?? "")
    .split(delimiter)
    .map((path) => join(path, "node"))
    .find((node) => majorOf(node) !== null && Number(majorOf(node)) < 24);
  if (older === undefined) {
    console.log("No older Node is on the PATH; what it prints was not checked.");
    return;
  }
  for (const entry of ["tidemark", "tidemark/service", "tidemark/testing"]) {
    const text = `import(${JSON.stringify(entry)}).catch((error) => console.log(error.message))`;
    writeFileSync(join(folder, "older.mjs"), text);
    expectText(run(folder, older, "older.mjs"), "Tidemark needs Node 24 or newer");
  }
}

function majorOf(node: string): string | null {
  const { status, stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  return status === 0 ? (/^v(\d+)/.exec(stdout)?.[1] ?? null) : null;
}

function expectText(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${text}`);
}

try {
  run(root, process.execPath, "scripts/build.ts");
  run(root, "node_modules/.bin/publint", "--strict");
  run(root, "npm", "pack", "--ignore-scripts", "--pack-destination", folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");

  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "smoke", private: true, type: "module" }),
  );
  run(folder, "npm", "install", "--no-audit", "--no-fund", `./${tarball}`);
  writeFileSync(
    join(folder, "library.mjs"),
    `import { deltaRun, openState } from "tidemark";
     import { stateStoreSuite } from "tidemark/testing";
     await using state = await openState("sqlite:./state.db");
     await deltaRun(state, { connector: "smoke", stream: "library" }, async (run) => {
       if (run.lowerBoundCursor !== null) throw new Error("the first run has a lower bound");
       run.setNewCursor("2026-01-01T00:00:00.123456789Z");
     });
     const stored = await state.get({ connector: "smoke", stream: "library" });
     console.log(stored.cursor.value, typeof stateStoreSuite);`,
  );
  expectText(run(folder, process.execPath, "library.mjs"), "2026-01-01T00:00:00.123456789Z function");

  writeFileSync(
    join(folder, "service.mjs"),
    `import { openState } from "tidemark";
     import { createService, openKeys, serveService } from "tidemark/service";
     await using state = await openState("memory:");
     await using keys = await openKeys("memory:");
     const { key } = await keys.create({ scope: "run" }, "smoke");
     const listening = await serveService(createService({ state, keys }), { port: 0 });
     const headers = { authorization: "Bearer " + key };
     const begun = await fetch(listening.url + "/v1/streams/smoke/service/begin", { method: "POST", headers });
     const docs = await fetch(listening.url + "/docs/swagger-ui-bundle.js");
     console.log((await begun.json()).epoch, docs.status);
     await listening.close();`,
  );
  expectText(run(folder, process.execPath, "service.mjs"), "1 200");

  const tidemark = join(folder, "node_modules", "tidemark", "dist", "cli", "main.js");
  expectText(run(folder, process.execPath, tidemark, "--help"), "Usage: tidemark");
  const make = `import { DatabaseSync } from "node:sqlite";
    const db = new DatabaseSync("records.db");
    db.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, updated_at TEXT)");
    db.exec("INSERT INTO events VALUES (1, '2026-01-01T00:00:00Z'), (2, '2026-01-02T00:00:00Z')");`;
  writeFileSync(join(folder, "make.mjs"), make);
  run(folder, process.execPath, "make.mjs");
  writeFileSync(
    join(folder, "events.yaml"),
    `name: events
input:
  type: database
  connectionString: sqlite:./records.db
  table: events
  key: id
  statePersistence:
    timestamp: { field: updated_at }
output: { type: file, path: ./events.jsonl }
`,
  );
  expectText(run(folder, process.execPath, tidemark, "validate", "events.yaml", "--json"), "[]");
  expectText(run(folder, process.execPath, tidemark, "run", "events.yaml", "--json"), '"records_written":2');
  expectText(run(folder, process.execPath, tidemark, "run", "events.yaml", "--json"), '"records_written":0');
  cpSync(join(folder, "node_modules/tidemark/examples"), join(folder, "examples"), { recursive: true });
  expectText(run(folder, process.execPath, tidemark, "validate", "examples/filters.yaml", "--json"), "[]");
  checkConnector(tidemark);
  checkOutputModule(tidemark);
  checkTypes();
  checkOlderNode();
  console.log("The packed package works.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
