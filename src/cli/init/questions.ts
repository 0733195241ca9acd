import { streamNameProblem } from "../../model/stream-key.ts";
import { outputKinds } from "./pipeline-text.ts";

/** Everything that is asked, by the name of its option on the command line. */
export interface Answers {
  readonly name: string;
  readonly source: string;
  readonly endpoint: string;
  readonly dataField: string;
  readonly connection: string;
  readonly table: string;
  readonly cursor: string;
  readonly cursorField: string;
  readonly queryParam: string;
  readonly key: string;
  readonly output: string;
}

export interface Question {
  readonly option: keyof Answers;
  readonly flag: string;
  /** The option in the help. */
  readonly says: string;
  /** The question on a terminal. */
  readonly asks: string;
  readonly example?: string;
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
  /** Whether it matters, given what is known; always unless told. */
  readonly when?: (known: Partial<Answers>) => boolean;
  /** What is taken where nothing is given; without one an answer is needed. */
  readonly usual?: (known: Partial<Answers>) => string;
  /** What is wrong with an answer, told in words. */
  readonly problem?: (answer: string) => string | undefined;
}

const isHttp = ({ source }: Partial<Answers>): boolean => source === "http";
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
  {
    option: "endpoint",
    flag: "--endpoint <url>",
    says: "HTTP: the address to ask",
    asks: "Which address gives them?",
    example: "https://api.example.com/events",
    when: isHttp,
    problem: endpointProblem,
  },
  {
    option: "dataField",
    flag: "--data-field <path>",
    says: "HTTP: where in the answer the list of records is",
    asks: "Where in the answer is the list? Leave it empty where the answer itself is the list.",
    example: "data.items",
    when: isHttp,
    usual: () => "",
  },
  {
    option: "connection",
    flag: "--connection <url>",
    says: "database: sqlite:PATH, postgres://…, mysql://…, or ${NAME} from the environment",
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
    problem: (table) => (table.trim() === "" ? "a table's name is needed" : undefined),
  },
  {
    option: "cursor",
    flag: "--cursor <kind>",
    says: "what tells new records from old",
    asks: "What tells new records from old?",
    choices: [
      { value: "timestamp", label: "when they changed" },
      { value: "id", label: "an id that only grows" },
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
    problem: (name) => (name.trim() === "" ? "a parameter's name is needed" : undefined),
  },
  {
    option: "key",
    flag: "--key <path>",
    says: "the field that makes a record itself",
    asks: "Which field makes a record itself?",
    usual: () => "id",
    problem: pathProblem,
  },
  {
    option: "output",
    flag: "--output <kind>",
    says: "where records go",
    asks: "Where shall they go?",
    choices: outputKinds.map((value) => ({
      value,
      label: { sqlite: "an SQLite file", postgres: "PostgreSQL", jsonl: "a file of JSON lines" }[value],
    })),
    usual: () => "sqlite",
  },
];

function endpointProblem(text: string): string | undefined {
  if (text.includes("${")) return undefined;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return "an address begins with https:// or http://";
  return url.username === "" && url.password === "" ? undefined : "no name or password belongs in an address";
}

function connectionProblem(text: string): string | undefined {
  if (text.includes("${")) return undefined;
  if (!/^(?:sqlite:.|(?:postgres(?:ql)?|mysql|mariadb):\/\/)/.test(text))
    return "give sqlite:PATH, postgres://…, mysql://… or ${NAME}";
  const hasPassword = /^[a-z]+:\/\/[^/@]*:[^/@]*@/.test(text);
  return hasPassword ? "a password does not belong in the file: give ${DATABASE_URL}" : undefined;
}

function pathProblem(path: string): string | undefined {
  return path.split(".").every((step) => step.trim() !== "")
    ? undefined
    : "a path is names joined by single dots, as in event.id";
}
