import {
  countProblem,
  endpointProblem,
  headerProblem,
  nameProblem,
  optionalPathProblem,
} from "./answer-problems.ts";
import { pagingKinds, signInKinds } from "./http-text.ts";
import { type Answers, isHttp, type Question } from "./question.ts";

const pages =
  (...kinds: readonly string[]) =>
  ({ paging }: Partial<Answers>): boolean =>
    kinds.includes(paging ?? "");

/** The questions about an HTTP source before those about its cursor. */
export const httpQuestions: readonly Question[] = [
  {
    option: "endpoint",
    flag: "--endpoint <url>",
    says: "HTTP: the address of the API",
    asks: "Which address gives them?",
    example: "https://api.example.com/events",
    when: isHttp,
    problem: endpointProblem,
  },
  {
    option: "signIn",
    flag: "--sign-in <kind>",
    says: "HTTP: how requests sign in",
    asks: "How do requests sign in?",
    choices: signInKinds.map((value) => ({
      value,
      label: {
        none: "not at all",
        bearer: "a bearer token",
        basic: "a user's name and password",
        apiKey: "an API key in a header",
        oauth: "OAuth 2 client credentials",
      }[value],
    })),
    when: isHttp,
    usual: () => "none",
  },
  {
    option: "keyHeader",
    flag: "--key-header <name>",
    says: "HTTP: the header that carries the API key",
    asks: "Which header carries the key?",
    when: ({ signIn }) => signIn === "apiKey",
    usual: () => "X-API-Key",
    problem: headerProblem,
  },
  {
    option: "tokenUrl",
    flag: "--token-url <url>",
    says: "HTTP: the address that gives OAuth tokens",
    asks: "Which address gives tokens?",
    example: "https://login.example.com/oauth/token",
    when: ({ signIn }) => signIn === "oauth",
    problem: endpointProblem,
  },
  {
    option: "dataField",
    flag: "--data-field <path>",
    says: "HTTP: where in the answer the list of records is",
    asks: "Where in the answer is the list? Leave it empty if the answer itself is the list.",
    example: "data.items",
    when: isHttp,
    usual: () => "",
    problem: optionalPathProblem,
  },
  {
    option: "paging",
    flag: "--paging <kind>",
    says: "HTTP: how to get the next page",
    asks: "How do requests get the next page?",
    choices: pagingKinds.map((value) => ({
      value,
      label: {
        none: "one request gives all records",
        page: "by the page's number",
        offset: "by how many records to skip",
        cursor: "by a token that the answer has",
        link: "by a link that the answer, or its Link header, has",
      }[value],
    })),
    when: isHttp,
    usual: () => "none",
  },
  {
    option: "pageParam",
    flag: "--page-param <name>",
    says: "HTTP: the parameter that carries the page's number, offset or token",
    asks: "Which parameter asks for the next page?",
    when: pages("page", "offset", "cursor"),
    usual: ({ paging }) => (paging === "cursor" ? "page_token" : (paging ?? "page")),
    problem: nameProblem("a parameter's name"),
  },
  {
    option: "nextField",
    flag: "--next-field <path>",
    says: "HTTP: where in the answer the next page's token or link is",
    asks: "Where in the answer is the next page's token or link? Leave it empty for the Link header.",
    when: pages("cursor", "link"),
    usual: ({ paging }) => (paging === "cursor" ? "next_page_token" : ""),
    problem: optionalPathProblem,
  },
  {
    option: "limitParam",
    flag: "--limit-param <name>",
    says: "HTTP: the parameter that asks for the size of a page",
    asks: "Which parameter asks for the size of a page? Leave it empty if the source decides.",
    example: "limit",
    when: pages("page", "offset", "cursor", "link"),
    usual: () => "",
  },
  {
    option: "limit",
    flag: "--limit <count>",
    says: "HTTP: how many records a page has",
    asks: "How many records should a page have?",
    when: ({ limitParam }) => (limitParam ?? "") !== "",
    usual: () => "100",
    problem: countProblem,
  },
];
