import { z } from "zod";
import { connectionShape, validateConnection } from "../../databases/connection-string.ts";
import type { QuerySyntax } from "../../databases/syntax.ts";
import type { CursorRole } from "../../engine/ports.ts";
import { keySchema, pathSchema } from "../path-schema.ts";
import { validateSlices } from "../slices.ts";
import { placeStatePersistenceSchema, validateLengths } from "../state-persistence.ts";
import { leadingRole } from "../state-persistence-keys.ts";
import { asksForEnd, databaseFor, queryErrors } from "./query-checks.ts";
import { sqlTokens } from "./sql-tokens.ts";

const columnName = z.string().min(1);

const databaseInputKeys = z.strictObject({
  type: z.literal("database").describe("Reads records from a database."),
  ...connectionShape,
  query: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The query to run. The bounds of the enabled cursors are bound to `$1`, `$2` … in the order timestamp, id, offset. One placeholder more gets the window's end. On the first run a guarded placeholder (`COALESCE($1, …)`) is NULL, and a direct comparison gets the lowest value. Its own LIMIT becomes the page size. Give this or `table`.",
    ),
  table: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The table to read: `events` or `schema.events`. Tidemark writes the query. Give this or `query`.",
    ),
  columns: z.array(columnName).min(1).optional().describe("With `table`: the columns to read. Default: all."),
  where: z
    .string()
    .min(1)
    .optional()
    .describe("With `table`: a condition in SQL, such as `deleted = false`, without placeholders."),
  cursor: pathSchema
    .optional()
    .describe(
      "With `table`: the column of timestamps to follow. Short for `statePersistence.timestamp.field`. On PostgreSQL, `xmin` follows the transactions: every inserted or updated row comes, and no column is needed.",
    ),
  commitSafe: z
    .boolean()
    .optional()
    .describe(
      "On a database server, such as PostgreSQL or MySQL: whether the window ends below every row that an open transaction could still commit, so that rows that are committed late are not missed. Default: on, if the role may see the other sessions' transactions; otherwise the run warns `COMMIT_SAFE_OFF`. With true, a missing right is an error.",
    ),
  key: keySchema.optional(),
  pageSize: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe("How many rows are read, and held in memory, at a time. A LIMIT of the query has priority."),
  statePersistence: placeStatePersistenceSchema
    .prefault({})
    .describe(
      "What is kept between runs: the cursors, the order, and how late and old records are handled. Without a cursor every run reads everything.",
    ),
});

/** A `database` input, as its keys are once parsed. */
export type DatabaseInputConfig = z.infer<typeof databaseInputKeys>;

/** The keys of a `database` input. */
export const databaseInputSchema = databaseInputKeys.superRefine(validateDatabaseInput);

function validateDatabaseInput(config: DatabaseInputConfig, context: z.RefinementCtx): void {
  const addIssue = (path: string[], message: string): void =>
    context.addIssue({ code: "custom", path, message });

  validateConnection(config, addIssue);
  if (config.query === undefined && config.table === undefined) {
    addIssue(["query"], "is missing: give `query`, or `table`");
  } else if (config.query !== undefined && config.table !== undefined) {
    addIssue(["table"], "cannot be given together with `query`");
  }
  if (config.query !== undefined) {
    for (const name of ["columns", "where", "cursor"] as const) {
      if (config[name] !== undefined) addIssue([name], "goes with `table`; write it into the query");
    }
    for (const message of queryErrors(config)) addIssue(["query"], message);
  }
  if (config.table !== undefined) validateTable(config, addIssue);
  if (readsByTransaction(config)) {
    validateTransactionRules(config, addIssue);
    return;
  }
  const leading = config.cursor === undefined ? leadingRole(config.statePersistence) : "timestamp";
  validateLengths(config.statePersistence, leading, (key, message) =>
    addIssue(["statePersistence", key], message),
  );
  const unbounded =
    config.query === undefined || asksForEnd(config)
      ? null
      : "needs the slice's end in the query, as a placeholder behind those of the cursors";
  validateSlices(config.statePersistence, leading, unbounded, (path, message) =>
    addIssue(["statePersistence", ...path], message),
  );
  validateCommitSafe(config, leading, addIssue);
  if (config.statePersistence.until !== undefined && leading === "id") {
    addIssue(["statePersistence", "until"], "only goes with a `timestamp`: ids have no upper bound");
  }
}

type Refuse = (path: string[], message: string) => void;

/** Whether a table is read by its rows' transactions, as with `cursor: xmin` on PostgreSQL. */
export function readsByTransaction(
  config: Pick<
    DatabaseInputConfig,
    "cursor" | "table" | "connectionString" | "connectionStringRef" | "statePersistence"
  >,
): boolean {
  const { table, cursor } = config;
  if (table === undefined || cursor === undefined) return false;
  return cursor === databaseFor(config).tables.transactionCursor;
}

function validateTransactionRules(
  { commitSafe, cursor, statePersistence }: DatabaseInputConfig,
  addIssue: Refuse,
): void {
  for (const name of ["offset", "lookback", "settle", "until", "start", "slices"] as const) {
    if (statePersistence[name] === undefined) continue;
    addIssue(
      ["statePersistence", name],
      `does not go with \`cursor: ${cursor}\`, which reads whole transactions in their order`,
    );
  }
  if (commitSafe === false) {
    addIssue(
      ["commitSafe"],
      `cannot be false with \`cursor: ${cursor}\`, which never reads past an open transaction`,
    );
  }
}

function validateCommitSafe(
  { commitSafe, statePersistence }: DatabaseInputConfig,
  leading: CursorRole | null,
  addIssue: Refuse,
): void {
  if (commitSafe !== true) return;
  if (leading === "timestamp" || (leading === "id" && statePersistence.id?.type === "numeric")) return;
  addIssue(["commitSafe"], "needs an enabled `timestamp`, or a numeric `id`, whose values rise in time");
}

/** Not in texts, names and comments; in some databases `?` is an operator. */
function holdsPlaceholders(where: string, syntax: QuerySyntax): boolean {
  return sqlTokens(where, syntax).some(({ kind }) => kind === "placeholder");
}

function validateTable(config: DatabaseInputConfig, addIssue: Refuse): void {
  const { columns, cursor, key, where, statePersistence } = config;
  const { timestamp, id, order } = statePersistence;
  if (cursor !== undefined && (timestamp?.enabled || id?.enabled)) {
    addIssue(["cursor"], "is a second name for what `statePersistence` declares; leave one of them out");
  }
  if (order === "descending") {
    addIssue(["statePersistence", "order"], "a `table` is read in ascending order");
  }
  if (leadingRole(statePersistence) === "offset" && cursor === undefined && key === undefined) {
    addIssue(["key"], "is missing: an offset only means something in rows sorted by their key");
  }
  if (where !== undefined && holdsPlaceholders(where, databaseFor(config).syntax)) {
    addIssue(["where"], "cannot hold placeholders; the cursor's bound is added to it");
  }
  if (columns === undefined) return;
  const fields: [string, string][] = [];
  if (cursor !== undefined && !readsByTransaction(config)) fields.push([cursor, "cursor"]);
  if (timestamp?.enabled) fields.push([timestamp.field, "timestamp"]);
  if (id?.enabled) fields.push([id.field, "id"]);
  for (const part of key === undefined ? [] : [key].flat()) fields.push([part, "key"]);
  for (const [field, what] of fields) {
    if (!columns.includes(field)) addIssue(["columns"], `must have \`${field}\`, the ${what}`);
  }
}
