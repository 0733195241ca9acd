import { describe, expect, it, test } from "vitest";
import { httpRequestOutputSchema } from "./schema.ts";

const endpoint = "https://api.example.com/items";

const form = { "Content-Type": "application/x-www-form-urlencoded" };

function problemsOf(keys: Record<string, unknown>): string[] {
  const parsed = httpRequestOutputSchema.safeParse({ type: "httpRequest", endpoint, ...keys });
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("what is not declared has a default", () => {
  expect(httpRequestOutputSchema.parse({ type: "httpRequest", endpoint })).toMatchObject({
    method: "POST",
    concurrency: 1,
    idempotencyHeader: "Idempotency-Key",
    onError: "fail",
  });
});

describe("an endpoint", () => {
  it.each([
    "https://api.example.com/items/{{ id }}",
    "https://api.example.com/{{ a.b }}/c?x={{ d }}&y=1",
    "http://127.0.0.1:8080",
  ])("may be %s", (address) => expect(problemsOf({ endpoint: address })).toEqual([]));

  it.each([
    ["https://{{ tenant }}.example.com/items", "not in the host"],
    ["https://api.example.com:80{{ port }}/items", "expected an address"],
    ["{{ url }}", "expected an address"],
    ["https://api.example.com/{{ id", "begins a placeholder"],
    ["https://user:{{ p }}@api.example.com/", "under `authentication`"],
    ["ftp://api.example.com/", "expected an address"],
  ])("cannot be %s", (address, message) => {
    expect(problemsOf({ endpoint: address })).toEqual([expect.stringContaining(message)]);
  });
});

describe("a status of a declared answer", () => {
  const problems = (status: unknown): string[] => problemsOf({ answer: { refused: { status } } });

  it.each([100, 599, "1xx", "5xx"])("may be %j", (status) => {
    expect(problems(status)).toEqual([]);
  });

  it.each([99, 600, 404.5, "404", "0xx", "6xx", "2xx "])("cannot be %j", (status) => {
    expect(problems(status)).not.toEqual([]);
  });
});

test.each<[string, Record<string, unknown>, string]>([
  ["no dead-letter file", { onError: "deadLetter" }, "deadLetter: `onError: deadLetter` needs"],
  ["concurrency without a key", { concurrency: 2 }, "concurrency: more than 1 needs `key`"],
  ["a success that is retried", { success: [200, 429] }, "success: 429 cannot be a success"],
  [
    "two values for one header",
    { headers: { "idempotency-key": "x" } },
    "headers: `Idempotency-Key` is sent by",
  ],
  [
    "a record's header in a batch",
    { batch: { size: 2 }, headers: { A: "{{ id }}" } },
    "headers: placeholders",
  ],
  [
    "a record's address in a batch",
    { batch: { size: 2 }, endpoint: `${endpoint}/{{ id }}` },
    "endpoint: placeholders",
  ],
  ["a mistake in a template", { body: { a: ["{{ x"] } }, "body.a.0: `{{` begins a placeholder"],
  ["a mistake in a parameter", { queryParams: { a: "{{ }}" } }, "queryParams.a: `{{ }}` is no placeholder"],
  ["a header that is none", { idempotencyHeader: "a b" }, "idempotencyHeader: not the name of a header"],
  [
    "a placeholder in a form's name",
    { headers: form, body: "{{ k }}=1&b={{ v }}" },
    "body: a placeholder in a form must come",
  ],
  ["a form of a list", { headers: form, body: ["{{ id }}"] }, "body: a form is made of an object"],
  ["a form of many records", { headers: form, batch: { size: 2 } }, "batch: a form holds one record"],
  ["a form that is none", { form: { lists: "repeat" } }, "form: needs `headers"],
  ["JSON that is called XML", { headers: { "content-type": "text/xml" } }, "body: would be sent as JSON"],
  [
    "JSON that is called multipart",
    { headers: { "content-type": "multipart/form-data" }, body: { a: 1 } },
    "body: would be sent as JSON",
  ],
  [
    "a record's value as a name",
    { body: { "{{ k }}": 1 } },
    "body.{{ k }}: a field's name cannot hold a placeholder",
  ],
  ["a parameter's name", { queryParams: { "{{ k }}": 1 } }, "queryParams.{{ k }}: a field's name cannot"],
  ["a key with braces", { key: "{{ id }}" }, "key: is a path such as `order.id`, without braces"],
  [
    "a record's value as a credential",
    { authentication: { type: "bearer", token: "{{ token }}" } },
    "authentication.token: takes no placeholder",
  ],
  [
    "a refusal that a missing field hides",
    { answer: { refused: "ok != true" } },
    "answer.refused: `ok != …` is false",
  ],
  [
    "the same of a result",
    { batch: { size: 2 }, answer: { results: { refused: ["errors", "result.state != 'done'"] } } },
    "answer.results.refused: `result.state != …` is false",
  ],
  ["an expression with braces", { answer: { refused: "{{ errors }}" } }, "it names fields without braces"],
  [
    "a place in the body with braces",
    { batch: { size: 2, bodyAs: { field: "{{ x }}" } } },
    "batch.bodyAs.field: is the same for all records",
  ],
  [
    "lines that are no list",
    { batch: { size: 2, bodyAs: "lines" }, body: "{{ . }}" },
    "body: must be a list",
  ],
  [
    "something where the list goes",
    { batch: { size: 2, bodyAs: { field: "a.b", with: { a: { b: 1 } } } } },
    "batch.bodyAs.with: holds something at `a.b`",
  ],
  [
    "a record's value around a batch",
    { batch: { size: 2, bodyAs: { field: "a", with: { b: "{{ id }}" } } } },
    "batch.bodyAs.with: is the same for all records",
  ],
  ["two kinds of success", { success: [200], answer: { success: "ok" } }, "success: is declared under"],
  ["results without a batch", { answer: { results: { success: "ok" } } }, "answer.results: are for `batch`"],
  [
    "results that say nothing",
    { batch: { size: 2 }, answer: { results: { list: "items" } } },
    "answer.results.success: needs `success` or `refused`",
  ],
  [
    "records left unnamed in order",
    { batch: { size: 2 }, answer: { results: { success: "ok", unnamed: "success" } } },
    "answer.results.unnamed: needs `match",
  ],
  ["an expression that is none", { answer: { refused: "errors[" } }, "the expression cannot be read"],
  ["an empty condition", { answer: { refused: {} } }, "an empty condition says nothing"],
  ["a status that is none", { answer: { retry: { status: "4x" } } }, "expected a status such as 303"],
  ["a method without a body to read", { method: "GET" }, "method: "],
])("refused: %s", (_, keys, problem) => {
  expect(problemsOf(keys)).toEqual([expect.stringContaining(problem)]);
});

test.each([
  "$exists(ok) and ok != true",
  "$count(errors) != 0",
  "$status != 201",
  "text = 'a != b'",
  "$not(ok = true)",
])("a refusal that no missing field hides: %s", (refused) =>
  expect(problemsOf({ answer: { refused } })).toEqual([]),
);
