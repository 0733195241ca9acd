import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { startTarget, type TargetAnswer, writeWithLetters } from "../../../../test/support/http-request.ts";
import type { SeenRequest } from "../../../../test/support/http-server.ts";
import { httpRequestOutputSchema } from "../schema.ts";

const page = readFileSync(new URL("../../../../docs/pipeline/http-recipes.md", import.meta.url), "utf8");

/** The recipes of the documentation, by the first word of the comment that each begins with. */
const recipes = new Map(
  [...page.matchAll(/```yaml\n# (\w+)[^\n]*\n([\s\S]*?)```/g)].map(
    ([, name = "", text = ""]): [string, unknown] => [name, parse(text).output],
  ),
);

const records = [1, 2, 3].map((id) => ({
  id,
  email: `c${id}@example.com`,
  name: `N${id}`,
  channel: "C0",
  card: `card${id}`,
  amount: 5,
}));

/** What a target of each kind answers: record 1 is taken, 2 is to be sent again once, 3 is refused. */
interface Target {
  /** What is answered at the `count`th request; `bodies` are what its body holds, as JSON. */
  readonly answer: (bodies: readonly unknown[], count: number, request: SeenRequest) => TargetAnswer;
  /** The ids that the letters are of, and the words that they hold. */
  readonly refused: string;
  /** How many requests are made; 2 where record 2 goes again alone. */
  readonly requests: number;
}

const has = (body: unknown, text: string): boolean => JSON.stringify(body).includes(text);

const targets: Readonly<Record<string, Target>> = {
  Elasticsearch: {
    answer: (lines, count) => ({
      body: {
        errors: true,
        items: lines
          .filter((line) => has(line, "_index"))
          .map((line) => {
            if (has(line, '"_id":3'))
              return { index: { _id: "3", status: 400, error: { reason: "failed to parse" } } };
            return { index: has(line, '"_id":2') && count === 1 ? { status: 429 } : { status: 201 } };
          }),
      },
    }),
    refused: "failed to parse",
    requests: 2,
  },
  Salesforce: {
    answer: ([body], count) => ({
      body: listIn(body, "records").map((record) => {
        if (has(record, "N3"))
          return { success: false, errors: [{ statusCode: "REQUIRED", message: "Required" }] };
        const isLocked = has(record, "N2") && count === 1;
        return isLocked
          ? { success: false, errors: [{ statusCode: "UNABLE_TO_LOCK_ROW" }] }
          : { success: true };
      }),
    }),
    refused: "Required",
    requests: 2,
  },
  HubSpot: {
    answer: ([body]) => ({
      status: 207,
      body: {
        results: listIn(body, "inputs")
          .slice(0, 2)
          .map((_, index) => ({ id: "9", objectWriteTraceId: String(index + 1) })),
        errors: [{ status: "error", message: "invalid email", context: { objectWriteTraceId: ["3"] } }],
      },
    }),
    refused: "invalid email",
    requests: 1,
  },
  GraphQL: {
    answer: ([body], count) => {
      if (has(body, "c3@")) return { body: { data: { addContact: { userErrors: [{ message: "taken" }] } } } };
      const isLimited = has(body, "c2@") && count === 2;
      return {
        body: isLimited
          ? { errors: [{ extensions: { code: "THROTTLED" } }] }
          : { data: { addContact: { userErrors: [] } } },
      };
    },
    refused: "taken",
    requests: 4,
  },
  Slack: {
    answer: ([body], count) => {
      if (has(body, "order 3")) return { body: { ok: false, error: "channel_not_found" } };
      return {
        body: has(body, "order 2") && count === 2 ? { ok: false, error: "ratelimited" } : { ok: true },
      };
    },
    refused: "channel_not_found",
    requests: 4,
  },
  Stripe: {
    answer: (_, count, { body }) => {
      if (body.includes("card3"))
        return { status: 402, body: { error: { type: "card_error", message: "declined" } } };
      const isBusy = body.includes("card2") && count === 2;
      return isBusy
        ? { status: 409, body: { error: { code: "idempotency_key_in_use" } } }
        : { body: { id: "ch_1" } };
    },
    refused: "declined",
    requests: 4,
  },
  Airtable: {
    answer: ([body]) =>
      has(body, "N3")
        ? { status: 422, body: { error: { type: "INVALID", message: "Cannot parse" } } }
        : { body: { records: [] } },
    refused: "Cannot parse",
    requests: 3,
  },
  BigQuery: {
    answer: ([body]) => ({
      body:
        listIn(body, "rows").length < 3
          ? {}
          : { insertErrors: [{ index: 2, errors: [{ message: "no such field" }] }] },
    }),
    refused: "no such field",
    requests: 1,
  },
};

test("every recipe of the documentation has a target here", () => {
  expect([...recipes.keys()]).toEqual(Object.keys(targets));
});

test.each(Object.entries(targets))(
  "%s: taken, sent again and refused, each as the target says",
  async (name, target) => {
    const server = await startTarget((request, count) => target.answer(bodiesOf(request), count, request));
    const recipe = httpRequestOutputSchema.parse(recipes.get(name));
    const endpoint = recipe.endpoint.replace(/^https:\/\/[^/]+/, server.origin);
    const { letters, ...result } = await writeWithLetters(
      { ...recipe, endpoint, onError: "deadLetter" },
      records,
    );
    expect(result).toMatchObject({ written: 2, error: null });
    expect(letters).toEqual([
      expect.objectContaining({ record: records[2], reason: expect.stringContaining(`"${target.refused}"`) }),
    ]);
    expect(server.seen).toHaveLength(target.requests);
  },
);

function bodiesOf({ body, headers }: SeenRequest): unknown[] {
  if (headers["content-type"] === "application/x-www-form-urlencoded") return [];
  return body
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

function listIn(body: unknown, field: string): unknown[] {
  const list: unknown = Object(body)[field];
  return Array.isArray(list) ? list : [];
}
