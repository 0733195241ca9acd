import { expect, test } from "vitest";
import { z } from "zod";
import { parseConfig } from "./parse.ts";
import { noOrigins } from "./source.ts";

test("a thousand wrong configurations make the JSON Schema behind their messages once", () => {
  let made = 0;
  const counted = z.unknown();
  counted._zod.toJSONSchema = () => {
    made += 1;
    return {};
  };
  const schema = z.strictObject({ pageSize: z.int(), other: counted });
  for (let i = 0; i < 1000; i++) {
    const { findings } = parseConfig(schema, { pageSice: i, other: 1 }, noOrigins);
    expect(findings.map(({ message }) => message)).toEqual([
      "unknown key `pageSice`; did you mean `pageSize`?",
    ]);
  }
  expect(made).toBe(1);
});

test("the result is the same from the first parsing to the hundredth", () => {
  const schema = z.strictObject({ a: z.int().default(3), b: z.array(z.string()).min(1) });
  const good = { b: ["x"] };
  const wrong = { a: "one", b: [] };
  const first = [parseConfig(schema, good, noOrigins), parseConfig(schema, wrong, noOrigins)];
  for (let i = 0; i < 100; i++) {
    expect([parseConfig(schema, good, noOrigins), parseConfig(schema, wrong, noOrigins)]).toEqual(first);
  }
});
