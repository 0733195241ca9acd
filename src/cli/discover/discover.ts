import { readCatalog, type SourceTables } from "../../inputs/query/tables/read-catalog.ts";
import { chooseTables } from "../../inputs/query/tables/table-choice.ts";
import type { ConfiguredPipeline } from "../../pipeline/load.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodes, formatError, invalidArgument } from "../failure.ts";
import type { Params } from "../params.ts";
import { loadToDescribe } from "../run/load.ts";
import { note, print, printJson } from "../terminal.ts";
import { declaredStream, type Found, streamOfTable, unreadTable } from "./found.ts";
import { foundJson, foundYaml, listing } from "./show.ts";

export interface DiscoverOptions {
  readonly all?: boolean;
  readonly columns?: boolean;
  readonly yaml?: boolean;
  readonly param: Params;
}

/** Prints what a pipeline file reads, and with `--all` what else its databases have. */
export async function discover(
  file: string,
  options: ReturnType<typeof optionsOf<DiscoverOptions>>,
): Promise<void> {
  const { all = false, columns = false, yaml = false, json } = options;
  if (yaml && json) throw invalidArgument("--yaml and --json are given together", "Leave one of them out.");
  const configured = await loadToDescribe([file], options);
  if (all && !configured.some(({ config }) => config.input.type === "database")) {
    throw invalidArgument(`--all lists tables, and ${file} reads no database`, "Leave --all out.");
  }
  const found = await findAll(configured, all);
  if (json) await printJson(found.map(foundJson));
  else if (yaml) await print(foundYaml(found));
  else await print(listing(found, { columns }));
  const problems = found.flatMap(({ problem }) => problem ?? []);
  if (!json) for (const problem of problems) note(formatError(problem));
  if (problems.length > 0) process.exitCode = exitCodes.failed;
}

/** In the order of the file; tables that are not read come after the streams of their database. */
async function findAll(configured: readonly ConfiguredPipeline[], all: boolean): Promise<Found[]> {
  const found: Found[] = [];
  // Nothing is written that would have to be finished: a signal ends the process.
  const { signal } = new AbortController();
  for (const [url, ofOne] of Map.groupBy(configured, databaseUrl)) {
    const named = ofOne.flatMap(({ config }) => tableOf(config) ?? []);
    if (url === null || (!all && named.length === 0)) found.push(...ofOne.map(declaredStream));
    else {
      const source = await readCatalog({ connectionString: url }, named, signal);
      found.push(...findTables(ofOne, source, all));
    }
  }
  return found;
}

function findTables(
  configured: readonly ConfiguredPipeline[],
  source: SourceTables,
  all: boolean,
): readonly Found[] {
  const requests = configured.flatMap((one) => {
    const table = tableOf(one.config);
    return table === null ? [] : [{ table, one }];
  });
  const { chosen, left } = chooseTables(requests, source.tables, source.naming);
  const tables = new Map(chosen.map(({ request, table }) => [request.one, table]));
  return [
    ...configured.map((one) => {
      const table = tables.get(one);
      return table === undefined ? declaredStream(one) : streamOfTable(one, table, source);
    }),
    ...(all ? left.map((table) => unreadTable(table, source)) : []),
  ];
}

/** Null for an input that reads no database. */
function databaseUrl({ config: { input } }: ConfiguredPipeline): string | null {
  if (input.type !== "database") return null;
  return input.connectionString ?? input.connectionStringRef ?? null;
}

function tableOf({ input }: ConfiguredPipeline["config"]): string | null {
  return input.type === "database" ? (input.table ?? null) : null;
}
