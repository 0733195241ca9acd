/**
 * The quickstart: syncs a real week of earthquakes into a table, moves the catalogue's clock on, syncs
 * again, and checks that only the changes moved and that nothing was lost or doubled.
 * `npm run quickstart` runs it; everything it makes is in `.tidemark/quickstart`, made anew each time.
 */
import { spawn } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { z } from "zod";
import { type Feature, loadCatalogue } from "./catalogue.ts";
import { type Exchange, type ReplayServer, startReplayServer } from "./replay-server.ts";
import { faultsOf, readTable } from "./table-check.ts";

const folder = ".tidemark/quickstart";
const state = `sqlite:./${folder}/state.db`;
const database = join(folder, "earthquakes.db");
const tidemark = fromHere("../../bin/tidemark");
const pipeline = fromHere("./earthquakes.yaml");
const pageSize = 500;

/** Where the catalogue's clock stands during the first run: the morning before the feed was taken. */
const firstStop = Date.parse("2018-02-06T00:00:00Z");

/** As short as it can be typed where the quickstart was started. */
function fromHere(path: string): string {
  return relative(process.cwd(), fileURLToPath(new URL(path, import.meta.url)));
}

/** What one run came to: what the server saw of it, and what it left in the history. */
interface Run {
  readonly exchanges: readonly Exchange[];
  readonly written: number;
  readonly watermark: string;
}

async function main(): Promise<boolean> {
  const catalogue = await loadCatalogue();
  await using server = await startReplayServer(catalogue, firstStop);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });

  say(heading("Earthquakes of one week, as the USGS published them in 2018"));
  say(`Replayed at ${server.endpoint}`);
  say("Two of the 1,707 events are adjusted, so that the second run meets what loses rows elsewhere:");
  for (const { id, what } of catalogue.adjustments) say(`  ${id}  ${what}`);

  say(heading(`${day(firstStop)}: the catalogue shows ${count(server.shown().length)} events`));
  const before = server.shown();
  const first = await run(server);
  const firstFaults = faultsOf(readTable(database), before);

  server.moveTo(catalogue.end);
  const changed = server.shown().filter((feature) => !before.includes(feature));
  say(heading(`${day(catalogue.end)}: ${count(changed.length)} events are new or revised`));
  const second = await run(server);
  const rows = readTable(database);

  say(heading("What came of it"));
  say(summaries({ "first run": first, "second run": second }));
  say("");
  say(`${count(rows.length)} rows in the table earthquakes of ${database}`);
  say("");
  const good = [
    check("after the first run the table held every event shown by then, once", firstFaults),
    check(
      `it now holds all ${count(server.shown().length)}, each once, with its newest content`,
      faultsOf(rows, server.shown()),
    ),
    check("the second run wrote the changes, and nothing else", excess(second, changed)),
    check("the watermark is the newest update of all", misplaced(second, server.shown())),
  ].every(Boolean);

  say(heading("Where the stream stands"));
  command([tidemark, "state", "show", "usgs", "earthquakes", "--state", state]);
  say("");
  return good;
}

/** One run of the pipeline by the real command, as it is printed above it. */
async function run(server: ReplayServer): Promise<Run> {
  const seen = server.exchanges.length;
  const environment = { USGS_ENDPOINT: server.endpoint, USGS_PAGE_SIZE: String(pageSize) };
  const args = [tidemark, "run", pipeline, "--state", state];
  command(args, environment);
  await execute(args, environment, "inherit");
  const history = await execute([
    tidemark,
    "state",
    "history",
    "usgs",
    "earthquakes",
    "--state",
    state,
    "--json",
  ]);
  const [newest] = historySchema.parse(JSON.parse(history));
  return {
    exchanges: server.exchanges.slice(seen),
    written: newest.records_processed,
    watermark: newest.new_cursor,
  };
}

const historySchema = z.tuple(
  [z.object({ records_processed: z.int(), new_cursor: z.string() })],
  z.unknown(),
);

/** Runs a command to its end; throws where that is not a good one. Resolves to what it printed, unless inherited. */
function execute(
  [file = "", ...args]: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  stdout: "pipe" | "inherit" = "pipe",
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", stdout, "inherit"],
    });
    let printed = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${file} ${args[0]} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** The second run may read again what ties with the watermark it began at, and may not write it again. */
function excess({ written }: Run, changed: readonly Feature[]): readonly string[] {
  return written === changed.length
    ? []
    : [`it wrote ${written} records where ${changed.length} had changed`];
}

function misplaced({ watermark }: Run, shown: readonly Feature[]): readonly string[] {
  const newest = Math.max(...shown.map(({ properties }) => properties.updated));
  if (Date.parse(watermark) === newest) return [];
  return [`it is ${watermark}, and the newest update is of ${new Date(newest).toISOString()}`];
}

/** Both runs below one another, as lines of columns. */
function summaries(runs: Readonly<Record<string, Run>>): string {
  const rows = Object.entries(runs).map(([name, { exchanges, written, watermark }]) => [
    name,
    count(exchanges.reduce((sum, { events }) => sum + events, 0)),
    count(exchanges.length),
    count(written),
    exchanges[0]?.query.get("updatedafter") ?? "everything",
    watermark,
  ]);
  const lines = [["", "fetched", "pages", "wrote", "asked for updates after", "new watermark"], ...rows];
  const widths = [0, 1, 2, 3, 4, 5].map((column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => aligned(cell, widths[column] ?? 0, column))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Numbers stand at the right of their column. */
function aligned(cell: string, width: number, column: number): string {
  return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
}

function check(claim: string, faults: readonly string[]): boolean {
  say(faults.length === 0 ? `${green("✓")} ${claim}` : `${red("✗")} ${claim}`);
  for (const fault of faults.slice(0, 5)) say(`  ${fault}`);
  if (faults.length > 5) say(`  and ${count(faults.length - 5)} more`);
  return faults.length === 0;
}

/** A command as it can be pasted. */
function command(args: readonly string[], environment: Readonly<Record<string, string>> = {}): void {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value} \\\n    `);
  say(`  $ ${variables.join("")}${args.join(" ")}`);
}

const green = (text: string): string => styleText("green", text);
const red = (text: string): string => styleText("red", text);
const heading = (text: string): string => `\n${styleText("bold", text)}`;
const count = (number: number): string => number.toLocaleString("en-US");
const day = (time: number): string =>
  `${new Date(time).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" })} UTC`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  process.stderr.write(
    `\nThe quickstart stopped: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
