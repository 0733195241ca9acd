import { urlForms } from "../../databases/registry.ts";
import { streamNameProblem } from "../../model/stream-key.ts";
import { connectionProblem, nameProblem, pathProblem } from "./answer-problems.ts";
import { httpQuestions } from "./http-questions.ts";
import { outputKinds } from "./pipeline-text.ts";
import { type Answers, isHttp, type Question } from "./question.ts";

const isDatabase = ({ source }: Partial<Answers>): boolean => source === "database";
const byId = ({ cursor }: Partial<Answers>): boolean => cursor === "id";

/** In the order they are asked; each may look at the answers before it. */
export const questions: readonly Question[] = [
  {
    option: "name",
    flag: "--name <name>",
    says: "the pipeline's name",
    asks: "What is the pipeline called?",
    usual: () => "my-pipeline",
    problem: (name) => streamNameProblem(name) ?? undefined,
  },
  {
    option: "source",
    flag: "--source <kind>",
    says: "where records come from",
    asks: "Where do the records come from?",
    choices: [
      { value: "http", label: "an HTTP API" },
      { value: "database", label: "a database" },
    ],
    usual: ({ connection, table }) => (connection === undefined && table === undefined ? "http" : "database"),
  },
  ...httpQuestions,
  {
    option: "connection",
    flag: "--connection <url>",
    says: `database: ${urlForms.join(", ")}, or \${NAME} from the environment`,
    asks: "Which database?",
    example: "sqlite:./app.db or ${DATABASE_URL}",
    when: isDatabase,
    problem: connectionProblem,
  },
  {
    option: "table",
    flag: "--table <name>",
    says: "database: the table to read",
    asks: "Which table?",
    example: "orders",
    when: isDatabase,
    problem: nameProblem("a table's name"),
  },
  {
    option: "cursor",
    flag: "--cursor <kind>",
    says: "how to recognise new records",
    asks: "How can new records be recognised?",
    choices: [
      { value: "timestamp", label: "by a time of change" },
      { value: "id", label: "by an id that only grows" },
    ],
    usual: () => "timestamp",
  },
  {
    option: "cursorField",
    flag: "--cursor-field <path>",
    says: "the field that holds it",
    asks: "Which field holds it?",
    usual: (known) => (byId(known) ? "id" : "updated_at"),
    problem: pathProblem,
  },
  {
    option: "queryParam",
    flag: "--query-param <name>",
    says: "HTTP: the parameter that asks for what came after",
    asks: "Which parameter asks the API for what came after?",
    when: isHttp,
    usual: (known) => (byId(known) ? "after_id" : "updated_after"),
    problem: nameProblem("a parameter's name"),
  },
  {
    option: "key",
    flag: "--key <path>",
    says: "the field that identifies a record",
    asks: "Which field identifies a record?",
    usual: () => "id",
    problem: pathProblem,
  },
  {
    option: "output",
    flag: "--output <kind>",
    says: "where records go",
    asks: "Where do records go?",
    choices: outputKinds.map((value) => ({
      value,
      label: { sqlite: "an SQLite file", postgres: "PostgreSQL", jsonl: "a file of JSON lines" }[value],
    })),
    usual: () => "sqlite",
  },
];
