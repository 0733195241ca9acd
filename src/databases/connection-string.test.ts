import fc from "fast-check";
import { expect, test } from "vitest";
import { connectionShape } from "./connection-string.ts";
import { mysqlAddress } from "./mysql/address.ts";
import { openSql } from "./open.ts";
import { serverUrlProblem } from "./server-url.ts";

const unencoded: [string, RegExp][] = [
  ["postgres://app:x@Tr0ub4dor&3#9@db.internal.example:5432/shop", /`#`/],
  ["postgres://app:Tr0ub4dor&3#9x@db.internal.example:5432/shop", /`#`/],
  ["postgresql://app:x@Tr0ub4dor3@db.internal.example:5432/shop", /more than one `@`/],
  ["mysql://app:Tr0ub/4dor3@db.internal.example:3306/shop", /`\/` before its `@`/],
  ["mysql://app:12/Tr0ub4dor3@db.internal.example:3306/shop", /`\/` before its `@`/],
  ["mariadb://app:12?Tr0ub4dor3@db.internal.example:3306/shop", /`\?` before its `@`/],
  ["postgres://app:Tr0ub/4dor=3@db.internal.example:5432/shop", /`\/` before its `@`/],
  ["mysql://app:12/Tr0ub=4dor3@db.internal.example:3306/shop", /`\/` before its `@`/],
  ["postgres://app:12?Tr0ub=4dor3@db.internal.example:5432/shop", /`\?` before its `@`/],
  ["mysql://app:12?Tr0ub&4dor3@db.internal.example:3306/shop", /`\?` before its `@`/],
  ["postgres://app:x@Tr0ub/4dor3@db.internal.example:5432/shop", /`\/` before its `@`/],
  ["postgres://app:Tr0ub\t4dor3@db.internal.example:5432/shop", /a tab or a line break/],
  ["postgres://app:Tr0ub/4dor3", /cannot be read as a URL/],
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
  "postgres://db?user=me@tenant&password=x@y=z",
  "postgres://db:5432/shop?sslmode=verify-full&sslrootcert=./certs@2026/ca.pem",
  "mysql://app@db/shop?ssl-ca=./a@b.pem&ssl-cert=./a@b.pem&ssl-key=./a@b.pem",
  "postgres://app:a!b$c&d'e(f)*g+h,i;j=k:l[m]n@db:5432/shop",
  "postgres://app:a b@db:5432/shop\n",
  "sqlite:./a#b@c%.db",
])("%s is left as it is", (url) => {
  expect(serverUrlProblem(url)).toBeNull();
});

test("a URL of no known database is left to whoever opens it", () => {
  expect(connectionShape.connectionString.safeParse("other://a#b").success).toBe(true);
});

test.each([
  "sqlite::memory:",
  "sqlite:",
  "sqlite://host/a.db",
  "sqlite:./a?b.db",
  "sqlite:./folder/",
  "sqlite:./a/..",
])("%s is refused, since it is no file that keeps anything", (url) => {
  expect(connectionShape.connectionString.safeParse(url).success).toBe(false);
});

const servers = [
  ["postgres", "db.internal.example:5432/shop", ""],
  ["postgresql", "db.internal.example/shop", "?sslmode=require&application_name=me"],
  ["mysql", "db.internal.example:3306/shop", "?ssl-mode=REQUIRED"],
  ["mariadb", "127.0.0.1:1/db", ""],
] as const;

/** What a server would be given, by the readers of URLs that the drivers use. */
function readOf(url: string) {
  const { hostname, password, username, pathname } = new URL(url);
  const read = {
    host: hostname,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
  };
  if (url.startsWith("m")) expect(mysqlAddress(url)).toMatchObject(read);
  return read;
}

const meant = (where: string, password: string) => ({
  host: where.split(/[:/]/)[0],
  user: "app",
  password,
  database: where.split("/")[1],
});

/** Every reserved character, and texts that look like other parts of a URL. */
const part = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."/?#@:&=%+[]!$'()*,;\\|^`{}<>\"~-._ \t\n") },
  { weight: 3, arbitrary: fc.stringMatching(/^[a-zA-Z0-9é]{1,4}$/) },
  { weight: 1, arbitrary: fc.constantFrom("a=b", "12/", "/b=c", "://", "//") },
);
const anyPassword = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
const server = fc.constantFrom(...servers);

test("P14: any password as it is either reaches the server as it was meant, or is refused without being shown", () => {
  fc.assert(
    fc.property(server, anyPassword, ([scheme, where, parameters], password) => {
      // `%41` is an encoded character to everybody, and a space of its own.
      fc.pre(!/%[0-9a-f]{2}/i.test(password));
      const url = `${scheme}://app:${password}@${where}${parameters}`;
      const problem = serverUrlProblem(url);
      if (problem === null) expect(readOf(url)).toEqual(meant(where, password));
      else expect(problem).not.toContain("app:");
    }),
    { numRuns: 5000 },
  );
});

test("every reserved character at every place of a password is refused, or harmless", () => {
  const needEncoding = new Set(["/", "?", "#", "@", "%", "\t", "\n"]);
  for (const [scheme, where, parameters] of servers) {
    for (const around of ["secret", "12", "a=b&c", "a:b", ""]) {
      for (const character of "/?#@:&=%+[]!$'()*,;\t\n") {
        for (let at = 0; at <= around.length; at++) {
          const password = around.slice(0, at) + character + around.slice(at);
          if (/%[0-9a-f]{2}/i.test(password)) continue;
          const url = `${scheme}://app:${password}@${where}${parameters}`;
          const isRefused = serverUrlProblem(url) !== null;
          expect(isRefused, JSON.stringify(url)).toBe(needEncoding.has(character));
          if (!isRefused) expect(readOf(url)).toEqual(meant(where, password));
        }
      }
    }
  }
});

test("any password that is encoded is accepted and reaches the server as it was meant", () => {
  fc.assert(
    fc.property(server, anyPassword, ([scheme, where, parameters], password) => {
      const url = `${scheme}://app:${encodeURIComponent(password)}@${where}${parameters}`;
      expect(serverUrlProblem(url)).toBeNull();
      expect(readOf(url)).toEqual(meant(where, password));
    }),
  );
});
