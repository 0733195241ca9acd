import type { SQLInputValue } from "node:sqlite";
import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import type { RunStatement } from "../../statement-runner.ts";

type Row = Readonly<Record<string, unknown>>;

/**
 * Runs synchronous work over an asynchronous connection. The work is restarted with each answer that it needs, and its
 * writes are sent at the end, as the last pass made them. So nothing is written where the work throws.
 */
export async function replayed<T>(run: RunStatement, work: (statements: SqlStatements) => T): Promise<T> {
  const answers: Answered[] = [];
  for (;;) {
    const attempt = new Attempt(answers);
    try {
      const result = work(attempt);
      for (const sql of attempt.writes) await run(`${sql} RETURNING 1 AS done`);
      return result;
    } catch (thrown) {
      if (attempt.missing === null || thrown !== attempt.missing) throw thrown;
      const { sql } = attempt.missing;
      answers.push({ sql, rows: (await run(sql)).map(withNumbers) });
    }
  }
}

interface Answered {
  readonly sql: string;
  readonly rows: readonly Row[];
}

/** The query whose answer the work does not have yet. */
class Missing {
  readonly sql: string;

  constructor(sql: string) {
    this.sql = sql;
  }
}

/** One pass of the work, with the answers so far. */
class Attempt implements SqlStatements {
  readonly writes: string[] = [];
  missing: Missing | null = null;
  readonly #answers: readonly Answered[];
  #asked = 0;

  constructor(answers: readonly Answered[]) {
    this.#answers = answers;
  }

  run(sql: string, ...params: SQLInputValue[]): void {
    this.writes.push(inlined(sql, params));
  }

  change(): never {
    throw new Error("how many rows change is not known before they do");
  }

  get(sql: string, ...params: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.all(sql, ...params)[0];
  }

  all(sql: string, ...params: SQLInputValue[]): Record<string, unknown>[] {
    if (this.writes.length > 0) throw new Error("what is written is read again before it is stored");
    const text = inlined(sql, params);
    const answered = this.#answers[this.#asked++];
    if (answered?.sql === text) return answered.rows.map((row) => ({ ...row }));
    this.missing = new Missing(text);
    throw this.missing;
  }
}

/** The statement with its parameters in place: `?` in their order, `?2` by number. */
function inlined(sql: string, params: readonly SQLInputValue[]): string {
  let last = 0;
  return sql.replace(/\?(\d+)?/g, (_, number: string | undefined) => {
    const at = number === undefined ? last + 1 : Number(number);
    last = Math.max(last, at);
    return literal(params[at - 1]);
  });
}

/** U+0000 would end the statement, so that a text that holds one goes as its bytes. */
function literal(value: SQLInputValue | undefined): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value !== "string") throw new Error("no bytes are kept in the state");
  if (value.includes("\0")) return `CAST(X'${Buffer.from(value, "utf8").toString("hex")}' AS TEXT)`;
  return `'${value.replaceAll("'", "''")}'`;
}

/** Drivers may give whole numbers as bigints; all of ours fit a number. */
function withNumbers(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, typeof value === "bigint" ? Number(value) : value]),
  );
}
