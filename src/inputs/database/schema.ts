import { z } from "zod";
import { scheduleKeys } from "../schedule.ts";
import {
  keySchema,
  leadingRole,
  placeStatePersistenceSchema,
  refuseUnusableLengths,
} from "../state-persistence.ts";
import { queryMistakes } from "./query-mistakes.ts";

const connectionString = z.string().min(1);
const columnName = z.string().min(1);

const databaseInputKeys = z.strictObject({
  type: z.literal("database").describe("Reads records from a database."),
  ...scheduleKeys,
  connectionString: connectionString
    .optional()
    .describe(
      "The database: `sqlite:./data.db`, `sqlite:///absolute/data.db` or `postgres://user@host:5432/database`.",
    ),
  connectionStringRef: connectionString
    .optional()
    .describe("The same as `connectionString`, for files that keep it apart as `${DATABASE_URL}`."),
  query: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The query to run. The bounds of the enabled cursors are bound to `$1`, `$2` … in the order timestamp, id, offset; on the first run they are NULL, or the lowest value where the query compares with them alone. Its own LIMIT only says how large a page is.",
    ),
  table: z
    .string()
    .min(1)
    .optional()
    .describe("The table to read, `events` or `schema.events`, where the query is to be written for you."),
  columns: z
    .array(columnName)
    .min(1)
    .optional()
    .describe("The table's columns to read. Default: all of them."),
  where: z
    .string()
    .min(1)
    .optional()
    .describe("A condition in SQL that the table's rows have to meet: `deleted = false`."),
  cursor: columnName
    .optional()
    .describe("The table's column of timestamps to follow; short for `statePersistence.timestamp.field`."),
  key: keySchema.optional(),
  pageSize: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe(
      "How many records are read, and held in memory, at a time. A LIMIT of the query goes before it.",
    ),
  statePersistence: placeStatePersistenceSchema.prefault({}).describe("What is kept between runs."),
});

/** A `database` input, as its keys are once parsed. */
export type DatabaseInputConfig = z.infer<typeof databaseInputKeys>;

/** The keys of a `database` input. */
export const databaseInputSchema = databaseInputKeys.superRefine(refuseIncoherent);

function refuseIncoherent(config: DatabaseInputConfig, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string): void =>
    context.addIssue({ code: "custom", path, message });

  refuseAddresses(config, refuse);
  if (config.query === undefined && config.table === undefined) {
    refuse(["query"], "is missing: give `query`, or `table`");
  } else if (config.query !== undefined && config.table !== undefined) {
    refuse(["table"], "cannot be given together with `query`");
  }
  if (config.query !== undefined) {
    for (const name of ["columns", "where", "cursor"] as const) {
      if (config[name] !== undefined) refuse([name], "goes with `table`; write it into the query");
    }
    for (const message of queryMistakes(config)) refuse(["query"], message);
  }
  if (config.table !== undefined) refuseIncoherentTable(config, refuse);
  const leading = config.cursor === undefined ? leadingRole(config.statePersistence) : "timestamp";
  refuseUnusableLengths(config.statePersistence, leading, (key, message) =>
    refuse(["statePersistence", key], message),
  );
  if (config.statePersistence.until !== undefined && leading === "id") {
    refuse(["statePersistence", "until"], "only goes with a `timestamp`: ids have no upper bound");
  }
}

type Refuse = (path: string[], message: string) => void;

function refuseAddresses(config: DatabaseInputConfig, refuse: Refuse): void {
  const given = [config.connectionString, config.connectionStringRef].filter((text) => text !== undefined);
  if (given.length === 0) refuse(["connectionString"], "is missing");
  if (given.length === 2) refuse(["connectionStringRef"], "cannot be given together with `connectionString`");
}

function refuseIncoherentTable(config: DatabaseInputConfig, refuse: Refuse): void {
  const { columns, cursor, key, where, statePersistence } = config;
  const { timestamp, id, order } = statePersistence;
  if (cursor !== undefined && (timestamp?.enabled || id?.enabled)) {
    refuse(["cursor"], "is a second name for what `statePersistence` declares; leave one of them out");
  }
  if (order === "descending") {
    refuse(["statePersistence", "order"], "a `table` is read in ascending order");
  }
  if (leadingRole(statePersistence) === "offset" && cursor === undefined && key === undefined) {
    refuse(["key"], "is missing: an offset only means something in rows sorted by their key");
  }
  if (where !== undefined && /\$\d|\?/.test(where.replace(/'(?:[^']|'')*'/g, ""))) {
    refuse(["where"], "cannot hold placeholders; the cursor's bound is added to it");
  }
  if (columns === undefined) return;
  const fields: [string, string][] = [];
  if (cursor !== undefined) fields.push([cursor, "cursor"]);
  if (timestamp?.enabled) fields.push([timestamp.field, "timestamp"]);
  if (id?.enabled) fields.push([id.field, "id"]);
  for (const part of key === undefined ? [] : [key].flat()) fields.push([part, "key"]);
  for (const [field, what] of fields) {
    if (!columns.includes(field)) refuse(["columns"], `must have \`${field}\`, the ${what}`);
  }
}
