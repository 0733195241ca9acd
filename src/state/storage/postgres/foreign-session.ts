import { TidemarkError } from "../../../errors.ts";
import type { RunStatement } from "../../statement-runner.ts";
import { audit, coverage, logs, partitions, runs, streams, tieSet } from "../../tables.ts";
import type { Runner } from "./session.ts";
import type { Row, Statement, Value } from "./statement.ts";

/**
 * A caller's transaction of another driver, or of a query builder. It is given statements without parameters,
 * since each of them takes parameters in another way, and gives values as it likes: they are brought to the form in
 * which `pg` is asked for them.
 */
export class ForeignSession implements Runner {
  readonly place: string;
  readonly #run: RunStatement;

  constructor(run: RunStatement, place: string) {
    this.#run = run;
    this.place = place;
  }

  async run<P extends string>(statement: Statement<P>, values: Readonly<Record<P, Value>>): Promise<Row[]> {
    const { text, parameters } = statement;
    const given = parameters.map((parameter) => values[parameter]);
    const rows = await this.#run(
      text.replace(/\$(\d+)/g, (_, number: string) => literal(given[Number(number) - 1])),
    );
    return rows.map(asPgGivesIt);
  }

  /** Runs a statement that gives nothing. */
  async script(sql: string): Promise<void> {
    await this.#run(sql);
  }
}

/** A value as SQL, read by the server as a parameter of unknown type would be. */
export function literal(value: Value | undefined): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  if (typeof value === "string") return textLiteral(value);
  return value.length === 0 ? "'{}'" : `ARRAY[${value.map(literal).join(", ")}]`;
}

/** A doubled backslash in `E''` means one backslash, whatever `standard_conforming_strings` is set to. */
function textLiteral(text: string): string {
  if (text.includes("\0")) {
    throw new TidemarkError("ARGUMENT_INVALID", "PostgreSQL cannot keep a text with U+0000", {
      hint: "Remove it where the text is made.",
    });
  }
  const quoted = text.replaceAll("'", "''");
  return quoted.includes("\\") ? ` E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

/** Whole numbers of eight bytes, which drivers give as numbers, bigints or texts. */
const wholeNumbers = new Set(
  [streams, partitions, runs, audit, tieSet, coverage, logs].flatMap(({ columns }) =>
    Object.values(columns).flatMap(({ column, kind }) => (kind.sqlite === "INTEGER" ? column : [])),
  ),
);

function asPgGivesIt(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      wholeNumbers.has(column) ? wholeNumber(value) : text(value),
    ]),
  );
}

function wholeNumber(value: unknown): number | string | null {
  const number = value === null ? null : Number(value);
  return number === null || Number.isSafeInteger(number) ? number : text(value);
}

function text(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value ? "t" : "f";
  return String(value);
}
