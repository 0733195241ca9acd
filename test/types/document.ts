import type { Measured, Outcome } from "./measure.ts";
import { postgresWithoutInput } from "./postgres-rows.ts";
import type { TypeRow } from "./rows.ts";

const targets = ["PostgreSQL", "MariaDB", "SQLite"] as const;

const introduction = `# Types

What becomes of every type of a database on its way into another one. Read the row of your column's type: the cell
under the target says which type the new column gets, and which values are refused there.

<!-- Measured and written by \`npm run types\`; \`test/types.test.ts\` measures it again and compares. -->

How it is measured: a table with a column of every type, and in it the values that convert badly, is read and
written to a table that Tidemark makes in each database. From there it is read again and written to a table of the
source's own types, and each value is compared with the first one, as text that the server itself prints. It is also
written to a table of the same types: by INSERT and by COPY, twice, and with each type as the key where that makes
sense. The types come from the servers' catalogues (\`pg_type\`, MariaDB's help and plugins, SQLite's
documentation), and a type without a row here fails the test.

- A cell without more is exact: the value comes back as it was. A column of numbers that Tidemark makes is widened
  when a value needs it, up to text; the cell says what it is once it holds the extremes of the source's type.
- **refused** values are refused by record and field before their batch (\`RECORD_INVALID\`). What the column then does
  not get is neither cut nor rounded. \`onError\` decides whether the run ends; \`columns: { field: text }\` keeps the
  value as text.
- Into a column of the same type in the same kind of database every value is exact.
- Into a column of your own of another type a value goes as the server reads it, and is refused where the server would
  round, cut or pad it.
- **JSON** says what the value is in a record, and so in a file of JSON lines and in a request. Bytes are \`\\x\` and
  two hexadecimal digits a byte. \`NaN\`, \`Infinity\` and \`-Infinity\` are strings.
- A number is its value: \`1.50\` of a \`numeric\` column is the number 1.5, and a column with a scale shows it again as
  \`1.50\`. The sign of a zero is kept between columns of doubles in PostgreSQL and by nothing else.
- JSON's \`null\` as the value of a JSON column is NULL.
`;

/** The page of documentation, as Markdown. */
export function typesDocument(measured: readonly Measured[]): string {
  const sections = measured.flatMap((one) => {
    const name = one.source.name;
    const lists = one.source.rows.filter((row) => row.name.endsWith("[]"));
    const scalars = one.source.rows.filter((row) => !row.name.endsWith("[]"));
    return [
      `## From ${name}\n\n${table(one, scalars)}\n\n${notes(one)}`,
      ...(lists.length === 0 ? [] : [`### Arrays of ${name}\n\n${arrays}\n\n${table(one, lists)}`]),
    ];
  });
  return `${[introduction.trimEnd(), ...sections].join("\n\n").trimEnd()}\n`;
}

const arrays = `Arrays of common types are lists in JSON, all others the text that PostgreSQL has for them. An array whose bounds
do not begin at 1, and one of JSON values that a list could not tell apart, stays that text too.`;

function table(measured: Measured, rows: readonly TypeRow[]): string {
  const heads = ["type", ...targets.map((target) => `into ${target}`), "JSON"];
  const lines = rows.map((row) => {
    const cells = targets.map((target) => cell(measured.ways.get(target)?.get(row.name), row));
    return [code(row.name), ...cells, measured.forms.get(row.name) ?? ""];
  });
  return aligned([heads, ...lines]);
}

function cell(outcome: Outcome | undefined, { carried }: TypeRow): string {
  if (outcome === undefined) return "";
  const parts = [code(outcome.column)];
  if (carried !== undefined && outcome.changed.length > 0) parts.push(carried);
  if (outcome.refused.length > 0) parts.push(`**refused:** ${outcome.refused.map(value).join(", ")}`);
  if (outcome.notBack.length > 0) parts.push("not taken back by its own type");
  return parts.join("; ");
}

function value(shown: string): string {
  return code(shown.replace(/^(?:integer|real|text|blob) /, ""));
}

function code(text: string): string {
  if (text.startsWith("a ")) return text;
  return text === "" ? "" : `\`${text.replaceAll("|", "\\|")}\``;
}

function notes({ source }: Measured): string {
  const loose = source.rows.filter((row) => row.asValue !== undefined && !row.name.endsWith("[]"));
  const lines = loose.map((row) => `- ${code(row.name)} is kept as its value, without ${row.asValue}.`);
  if (source.name === "PostgreSQL") {
    lines.push(
      `- Only the server itself makes values of ${postgresWithoutInput.map(code).join(", ")}: a record's value for such a column is refused.`,
      "- A generated column is left to the database. An identity column takes the records' numbers (`OVERRIDING SYSTEM VALUE`).",
      "- In a column of yours, `character(n)` fills texts up with blanks to n characters. A text of more characters is refused, also if the rest is blanks.",
      "- `timestamp without time zone` comes into a new table as a moment in UTC, and a moment into such a column of yours as the time in UTC.",
    );
  }
  if (source.name === "MariaDB") {
    lines.push(
      "- `BOOLEAN` is `TINYINT(1)`, which holds numbers from -128 to 127, and is read as numbers. `columns: { active: boolean }` makes a new column of truth values.",
      "- In a column of yours, `CHAR(n)` drops blanks at the end of texts. A text of more than n characters is refused, also if the rest is blanks.",
      "- `DATETIME` comes into a new table of PostgreSQL as a moment in UTC.",
      "- A generated column (`VIRTUAL`, `STORED`) is left to the database.",
    );
  }
  if (source.name === "SQLite") {
    lines.push(
      "- SQLite keeps a value of any type in any column. Where a column holds values that its type does not name, they go as text. Bytes among them stay bytes into SQLite, are refused into PostgreSQL and MySQL, and are `\\x` and two digits a byte in JSON.",
      "- A text whose bytes are no UTF-8 is refused (in a file of UTF-16: one with half of a surrogate pair).",
      "- A generated column is left to the database.",
    );
  }
  return lines.join("\n");
}

/** A table as the project's formatter would write it. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => width(row[at] ?? ""))));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, at) => text + " ".repeat((widths[at] ?? 0) - width(text))).join(" | ")} |`;
  const [head = [], ...rest] = rows;
  const rule = `| ${widths.map((size) => "-".repeat(size)).join(" | ")} |`;
  return [line(head), rule, ...rest.map(line)].join("\n");
}

function width(text: string): number {
  return text.length;
}
