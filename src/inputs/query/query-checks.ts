import type { Database } from "../../databases/port.ts";
import { assumedDatabase, databaseOf } from "../../databases/registry.ts";
import type { QuerySyntax } from "../../databases/syntax.ts";
import { cursorRoles } from "../../engine/ports.ts";
import { leadingRole, type StatePersistence } from "../state-persistence-keys.ts";
import { boundsJoinedByAnd } from "./joined-bounds.ts";
import type { InnerLimit } from "./limits.ts";
import { analyseQuery, guardedNumbers, type QueryAnalysis } from "./query-analysis.ts";
import { effectsOf } from "./query-effects.ts";

/** The keys of an input that the checks of its query use. */
export interface QueryConfig {
  readonly query?: string | undefined;
  readonly connectionString?: string | undefined;
  readonly connectionStringRef?: string | undefined;
  readonly statePersistence: StatePersistence;
}

/** A warning about a query that can run. */
export interface QueryWarning {
  readonly code:
    | "TIE_HAZARD"
    | "FIRST_RUN_BOUND"
    | "ORDER_MISSING"
    | "CURSOR_UNUSED"
    | "TEXT_ORDER"
    | "LIMIT_INSIDE"
    | "CURSORS_COMBINED";
  /** Its position in the query's text. */
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

/** Which database the address is for; PostgreSQL where the address is not known yet. */
export function databaseFor(config: Pick<QueryConfig, "connectionString" | "connectionStringRef">): Database {
  return databaseOf(config.connectionString ?? config.connectionStringRef ?? "") ?? assumedDatabase;
}

/** The names of the placeholders' values, in order: the cursors, and the end of the window. */
export function boundNames(persistence: StatePersistence): string[] {
  const names: string[] = cursorRoles.filter((role) => persistence[role]?.enabled);
  const leading = leadingRole(persistence);
  const hasEnd = leading === "timestamp" || (leading === "id" && persistence.id?.type === "numeric");
  return hasEnd ? [...names, "until"] : names;
}

/** Whether the query uses the end of the window, with a placeholder after those of its cursors. */
export function asksForEnd({ query, ...config }: QueryConfig): boolean {
  if (query === undefined) return false;
  const end = boundNames(config.statePersistence).indexOf("until") + 1;
  if (end === 0) return false;
  return analyseQuery(query, databaseFor(config).syntax).placeholders.some(({ number }) => number === end);
}

/** Why a query cannot be read incrementally, one message per reason. */
export function queryErrors(config: QueryConfig): string[] {
  const { query, statePersistence } = config;
  if (query === undefined) return [];
  const analysis = analyseQuery(query, databaseFor(config).syntax);
  const errors: string[] = [];
  if (!["select", "with", "values", "table"].includes(analysis.verb)) {
    errors.push(`begins with \`${analysis.verb}\`; only a query that reads can be an input`);
  }
  if (analysis.secondStatement !== null) errors.push("holds more than one statement");
  if (errors.length === 0) errors.push(...effectsOf(query, databaseFor(config).syntax));
  for (const { text } of analysis.strangers) {
    errors.push(`has a placeholder \`${text}\`; bounds go to $1, $2 …`);
  }
  errors.push(...numberErrors(analysis, boundNames(statePersistence)));
  errors.push(...endErrors(analysis, boundNames(statePersistence)));
  if (isAskedFrom(analysis, statePersistence) && analysis.skipsRows !== null) {
    errors.push(
      "has an OFFSET, which leaves out the first rows from the bound on in every run; leave it out, or enable the offset cursor and write OFFSET $1",
    );
  }
  for (const limit of pageLimits(analysis, statePersistence)) {
    const field = cursorField(statePersistence);
    const has = limit.what === "LIMIT" ? "has a LIMIT inside" : `keeps rows by their ${limit.what}`;
    const orElse =
      limit.what === "LIMIT"
        ? "move the LIMIT to the end"
        : "leave the condition out and put a LIMIT at the end";
    const isSorted = field === null || sortsBy(limit, field);
    // A limit by another order, independent of the bound, is the query's purpose.
    if (limit.what !== "LIMIT" && !isSorted && !limit.isBounded) continue;
    if (!isSorted) {
      errors.push(
        `${has}, in a part that is not sorted by \`${field}\`, so that what comes after it cannot be asked for; sort by \`${field}\` there, or ${orElse}`,
      );
    } else if (!limit.isBounded) {
      errors.push(
        `${has}, in a part that the bound does not come into, so that it always keeps the same rows and what comes after them cannot be asked for; compare with $1 there, or ${orElse}`,
      );
    } else if (limit.isMixed) {
      errors.push(
        `${has}, and does not bring the rows that it lets through as they are, so that fewer of them do not mean that there are no more; ${orElse}`,
      );
    }
  }
  return errors;
}

function numberErrors({ placeholders }: QueryAnalysis, names: readonly string[]): string[] {
  const used = new Set(placeholders.map(({ number }) => number));
  const highest = Math.max(0, ...used);
  if (highest > names.length) {
    const bound = names.map((name, at) => `$${at + 1} (${name})`).join(", ");
    return [
      `has a placeholder $${highest}, and what is bound is ${bound === "" ? "nothing: no cursor is enabled" : bound}`,
    ];
  }
  for (let number = 1; number < highest; number++) {
    if (!used.has(number)) return [`has $${highest} and no $${number}, which is the ${names[number - 1]}`];
  }
  return [];
}

/** One extra placeholder is bound to the end of the window, but may have been meant for another cursor. */
function endErrors({ placeholders }: QueryAnalysis, names: readonly string[]): string[] {
  const number = names.indexOf("until") + 1;
  const meant = placeholders.find((one) => one.number === number && one.side === "lower");
  if (meant === undefined) return [];
  const cursors = names.slice(0, -1).map((name, at) => `$${at + 1} (${name})`);
  return [
    `compares with $${number} as a lower bound, and what is bound is ${cursors.join(", ")} and $${number} (until), the end of the window; enable the cursor that is meant`,
  ];
}

/** Whether a run reads rows from a cursor's bound on. */
function isAskedFrom({ placeholders }: QueryAnalysis, persistence: StatePersistence): boolean {
  return leadingRole(persistence) !== null && placeholders.length > 0;
}

/** The inner limits that are meant as a page size: not those of parts that the cursor does not come from. */
function pageLimits(analysis: QueryAnalysis, persistence: StatePersistence): readonly InnerLimit[] {
  if (!isAskedFrom(analysis, persistence)) return [];
  const field = cursorField(persistence)?.toLowerCase() ?? "*";
  return analysis.innerLimits.filter(({ names }) => names === null || names.has(field) || names.has("*"));
}

/** Those of them that cannot be removed, so that the query is run repeatedly, each time with a new bound. */
export function repeatedLimits(
  analysis: QueryAnalysis,
  persistence: StatePersistence,
): readonly InnerLimit[] {
  return pageLimits(analysis, persistence).filter(({ removal }) => removal === null);
}

/** The field of the leading cursor, without the path to it; null for an offset and for none. */
function cursorField(persistence: StatePersistence): string | null {
  const leading = leadingRole(persistence);
  const field =
    leading === "timestamp"
      ? persistence.timestamp?.field
      : leading === "id"
        ? persistence.id?.field
        : undefined;
  return field?.split(".").at(-1) ?? null;
}

function sortsBy({ orderBy }: InnerLimit, field: string): boolean {
  const first = orderBy?.split(",")[0]?.toLowerCase() ?? "";
  return first.includes(field.toLowerCase()) && !/\bdesc\b/.test(first);
}

/** The warnings of `validate` about a query that can run. */
export function queryWarnings(config: QueryConfig): QueryWarning[] {
  const { query, statePersistence } = config;
  if (query === undefined) return [];
  const syntax = databaseFor(config).syntax;
  const analysis = analyseQuery(query, syntax);
  return [
    ...tieHazards(analysis),
    ...firstRunWarnings(analysis, statePersistence),
    ...unusedCursors(analysis, statePersistence),
    ...combinedCursors(query, syntax, statePersistence),
    ...orderWarnings(analysis, statePersistence, query, syntax),
    ...pageLimits(analysis, statePersistence).map(limitWarning),
  ];
}

function limitWarning({ what, start, removal }: InnerLimit): QueryWarning {
  const isLimit = what === "LIMIT";
  return {
    code: "LIMIT_INSIDE",
    offset: start,
    message:
      removal !== null
        ? "this LIMIT is taken for the size of a page, and is left out of what is sent: all rows from the bound on are read"
        : `this ${isLimit ? what : `limit by ${what}`} cannot be taken out of the query, which is run again with a new bound for each page`,
    hint: isLimit
      ? "Move the LIMIT to the end of the query, or leave it out."
      : "Leave the condition out, and put a LIMIT at the end of the query.",
  };
}

function tieHazards({ placeholders, limit }: QueryAnalysis): QueryWarning[] {
  const hazard = placeholders.find(({ comparison }) => comparison === "strict");
  if (hazard === undefined || limit === null) return [];
  return [
    {
      code: "TIE_HAZARD",
      offset: hazard.start,
      message:
        "a strict comparison together with LIMIT loses rows that share the last one's value; here it is read safely: the LIMIT is only taken for the size of a page, and the bound is sent one step lower",
      hint: "Compare with >=, and leave LIMIT out, so that the query is safe wherever it is run.",
    },
  ];
}

function firstRunWarnings({ placeholders }: QueryAnalysis, persistence: StatePersistence): QueryWarning[] {
  const names = boundNames(persistence);
  const guarded = guardedNumbers(placeholders);
  const bare = placeholders.find(
    ({ number, comparison, calculation }) =>
      (comparison !== null || calculation !== null) &&
      !guarded.has(number) &&
      ["timestamp", "id"].includes(names[number - 1] ?? ""),
  );
  if (bare === undefined) return [];
  const { number, start, calculation } = bare;
  const passes =
    calculation?.keepsInfinity === true && bare.side !== "upper" && names[number - 1] === "timestamp";
  if (calculation !== null && !passes) {
    return [
      {
        code: "FIRST_RUN_BOUND",
        offset: start,
        message: `the query calculates with $${number} (${calculation.name}), so that there is no value from which the first run would surely read every row; the first run is refused`,
        hint: `Say in the query what the first run reads: put COALESCE($${number}, …) in the place of $${number}.`,
      },
    ];
  }
  return [
    {
      code: "FIRST_RUN_BOUND",
      offset: start,
      message: `nothing compares with NULL, so that on the first run $${number} is bound to the lowest value instead`,
      hint: "Say what the first run reads: COALESCE($1, …).",
    },
  ];
}

function unusedCursors({ placeholders }: QueryAnalysis, persistence: StatePersistence): QueryWarning[] {
  const used = new Set(placeholders.map(({ number }) => number));
  const [first] = boundNames(persistence);
  if (first === undefined || used.has(1)) return [];
  return [
    {
      code: "CURSOR_UNUSED",
      offset: 0,
      message: `the query does not use $1, the ${first}, so that every run reads all rows to find the new ones`,
      hint: "Add a condition: WHERE updated_at > $1.",
    },
  ];
}

function combinedCursors(query: string, syntax: QuerySyntax, persistence: StatePersistence): QueryWarning[] {
  const names = boundNames(persistence);
  if (names[0] !== "timestamp" || names[1] !== "id") return [];
  const offset = boundsJoinedByAnd(query, syntax, 1, 2);
  if (offset === null) return [];
  return [
    {
      code: "CURSORS_COMBINED",
      offset,
      message:
        "rows have to lie above $1 and above $2, so that a row that changes is not read again if its id is below the highest one",
      hint: "Leave `id` out, or compare the pair: WHERE (updated_at, id) > ($1, $2).",
    },
  ];
}

function orderWarnings(
  analysis: QueryAnalysis,
  persistence: StatePersistence,
  query: string,
  syntax: QuerySyntax,
): QueryWarning[] {
  const warnings: QueryWarning[] = [];
  if (persistence.order === "ascending" && analysis.orderBy === null) {
    warnings.push({
      code: "ORDER_MISSING",
      offset: analysis.end,
      message: "`order: ascending` is declared, and the query has no ORDER BY",
      hint: "Sort by the cursor: ORDER BY updated_at.",
    });
  }
  const textual = leadingRole(persistence) === "id" && persistence.id?.type === "text";
  const order = syntax.codePointOrder;
  if (textual && !order.isSaid(query)) {
    warnings.push({
      code: "TEXT_ORDER",
      offset: 0,
      message: "texts are compared by code point, and this database may compare and sort them in another way",
      hint: order.hint,
    });
  }
  return warnings;
}
