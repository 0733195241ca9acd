import { invalidArgument } from "../failure.ts";
import { type HttpSource, pagingKinds, signInKinds } from "./http-text.ts";
import type { Plan } from "./pipeline-text.ts";
import { outputKinds } from "./pipeline-text.ts";
import type { Answers, Question } from "./question.ts";
import { questions } from "./questions.ts";

type Known = { -readonly [Name in keyof Answers]?: Answers[Name] };

/**
 * Completes what the command line gave: from the usual answers, or with `ask` by asking for each. Throws
 * `ARGUMENT_INVALID` for answers that are wrong or missing; null where the user cancels.
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
      if ((given[option] ?? "") !== "") {
        throw invalidArgument(
          `${nameOf(flag)} has no meaning with these answers`,
          "Leave it out, or see `tidemark init --help`.",
        );
      }
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
      throw invalidArgument(`${nameOf(flag)}: ${wrong}`, "See `tidemark init --help`.");
  }
  if (missing.length > 0) {
    throw invalidArgument(
      `${missing.join(" and ")} must be given`,
      "Give it, or run `tidemark init` on a terminal.",
    );
  }
  return complete(known);
}

function nameOf(flag: string): string {
  return flag.split(" ")[0] ?? flag;
}

function complete(known: Known): Answers {
  const text = (option: keyof Answers): string => known[option] ?? "";
  return {
    name: text("name"),
    source: text("source"),
    endpoint: text("endpoint"),
    signIn: text("signIn"),
    keyHeader: text("keyHeader"),
    tokenUrl: text("tokenUrl"),
    dataField: text("dataField"),
    paging: text("paging"),
    pageParam: text("pageParam"),
    nextField: text("nextField"),
    limitParam: text("limitParam"),
    limit: text("limit"),
    connection: text("connection"),
    table: text("table"),
    cursor: text("cursor"),
    cursorField: text("cursorField"),
    queryParam: text("queryParam"),
    key: text("key"),
    output: text("output"),
  };
}

/** The plan from the answers. */
export function planOf(answers: Answers): Plan {
  const { name, connection, table, cursorField, key } = answers;
  return {
    name,
    source: answers.source === "database" ? { kind: "database", connection, table } : httpSource(answers),
    cursor: answers.cursor === "id" ? "id" : "timestamp",
    cursorField,
    key,
    output: outputKinds.find((kind) => kind === answers.output) ?? "sqlite",
  };
}

function httpSource(answers: Answers): HttpSource {
  const { endpoint, dataField, queryParam, pageParam, nextField, limitParam, limit } = answers;
  const paging = pagingKinds.find((kind) => kind === answers.paging) ?? "none";
  const signIn = signInKinds.find((kind) => kind === answers.signIn) ?? "none";
  return {
    kind: "http",
    endpoint,
    dataField: dataField === "" ? null : dataField,
    queryParam,
    paging: paging === "none" ? null : { kind: paging, param: pageParam, nextField, limitParam, limit },
    signIn:
      signIn === "none" ? null : { kind: signIn, keyHeader: answers.keyHeader, tokenUrl: answers.tokenUrl },
  };
}
