import { expect, test } from "vitest";
import { connectionShape, serverUrlProblem } from "./connection-string.ts";
import { openSql } from "./open.ts";

const unencoded: [string, RegExp][] = [
  ["postgres://app:x@Tr0ub4dor&3#9@db.internal.example:5432/shop", /`#`/],
  ["postgres://app:Tr0ub4dor&3#9x@db.internal.example:5432/shop", /`#`/],
  ["postgresql://app:x@Tr0ub4dor3@db.internal.example:5432/shop", /more than one `@`/],
  ["mysql://app:Tr0ub/4dor3@db.internal.example:3306/shop", /`\/` before its `@`/],
  ["mysql://app:12/Tr0ub4dor3@db.internal.example:3306/shop", /`\/` before its `@`/],
  ["mariadb://app:12?Tr0ub4dor3@db.internal.example:3306/shop", /`\?` before its `@`/],
  ["postgres://app:100%Tr0ub4dor3@db.internal.example:5432/shop", /`%`/],
];

test.each(unencoded)(
  "P14: a password that is not percent-encoded is refused, and no part of it is shown: %s",
  async (url, why) => {
    const parsed = connectionShape.connectionString.safeParse(url);
    const message = parsed.error?.issues.map((issue) => issue.message).join("; ") ?? "";
    expect(message).toMatch(why);
    expect(message).toContain("Percent-encode special characters");
    const error: unknown = await openSql(url, { role: "input" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "ARGUMENT_INVALID", message: expect.stringMatching(why) });
    for (const shown of [message, JSON.stringify(error), String(error)]) expect(shown).not.toMatch(/ub4|dor/);
  },
);

test.each([
  "postgres://app:x%40Tr0ub4dor%263%239@db.internal.example:5432/shop",
  "postgres://app@db/shop?options=-c%20search_path%3Da&application_name=me@here",
  "postgres:///shop?host=/var/run/postgresql&user=me@tenant",
  "postgres://[::1]:5432/shop",
  "mysql://root@127.0.0.1:3306/shop?socket=/tmp/a@b",
  "sqlite:./a#b@c%.db",
])("%s is left as it is", (url) => {
  expect(serverUrlProblem(url)).toBeNull();
});
