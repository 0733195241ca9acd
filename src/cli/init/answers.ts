import { invalidArgument } from "../failure.ts";
import type { Plan } from "./pipeline-text.ts";
import { outputKinds } from "./pipeline-text.ts";
import { type Answers, type Question, questions } from "./questions.ts";

type Known = { -readonly [Name in keyof Answers]?: Answers[Name] };

/**
 * Completes what the command line gave: from the usual answers, or with `ask` by asking for each.
 * Throws `ARGUMENT_INVALID` for answers that are wrong or missing; null where the user calls it off.
 */
export async function completeAnswers(
  given: Partial<Answers>,
  ask: ((question: Question, usual: string | undefined) => Promise<string | null>) | null,
): Promise<Answers | null> {
  const known: Known = { ...given };
  const missing: string[] = [];
  for (const question of questions) {
    const { option, flag, when, usual, problem } = question;
    if (when?.(known) === false) {
      known[option] = "";
      continue;
    }
    const standard = usual?.(known);
    if (known[option] === undefined && ask !== null) {
      const answer = await ask(question, standard);
      if (answer === null) return null;
      known[option] = answer;
    }
    const answer = known[option] ?? standard;
    if (answer === undefined) {
      missing.push(flag);
      continue;
    }
    known[option] = answer;
    const wrong = problem?.(answer);
    if (wrong !== undefined)
      throw invalidArgument(`${flag.split(" ")[0]}: ${wrong}`, "See `tidemark init --help`.");
  }
  if (missing.length > 0) {
    throw invalidArgument(
      `${missing.join(" and ")} must be given`,
      "Give it, or run `tidemark init` on a terminal.",
    );
  }
  return complete(known);
}

function complete(known: Known): Answers {
  const text = (option: keyof Answers): string => known[option] ?? "";
  return {
    name: text("name"),
    source: text("source"),
    endpoint: text("endpoint"),
    dataField: text("dataField"),
    connection: text("connection"),
    table: text("table"),
    cursor: text("cursor"),
    cursorField: text("cursorField"),
    queryParam: text("queryParam"),
    key: text("key"),
    output: text("output"),
  };
}

/** What the answers amount to. */
export function planOf(answers: Answers): Plan {
  const { name, endpoint, dataField, queryParam, connection, table, cursorField, key } = answers;
  return {
    name,
    source:
      answers.source === "database"
        ? { kind: "database", connection, table }
        : { kind: "http", endpoint, dataField: dataField === "" ? null : dataField, queryParam },
    cursor: answers.cursor === "id" ? "id" : "timestamp",
    cursorField,
    key,
    output: outputKinds.find((kind) => kind === answers.output) ?? "sqlite",
  };
}
