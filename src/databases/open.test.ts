import { expect, test } from "vitest";
import { redact } from "../secrets.ts";
import { openSql } from "./open.ts";

test.each([
  ["oracle://user:hunter22@host/db", "oracle"],
  ["./data.db", "no scheme"],
  ["sqlite:", "names no file"],
  ["sqlite://data.db", "two slashes"],
  ["sqlite:./data.db?mode=ro", "parameters"],
  ["postgres://user:pa ss/word@host/db", "before its `@`"],
  ["postgres://user@host:port/db", "cannot be read"],
])("%s is refused, and the error names what works", async (url, why) => {
  const refused = openSql(url, { role: "output" });
  await expect(refused).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    message: expect.stringContaining(why),
    hint: expect.stringMatching(/Use (?:sqlite:\.\/path\.db|postgres:\/\/user@host:5432\/database)/),
  });
});

test("P14: no password of a URL is shown, percent-encoded or not, and the server's address is", async () => {
  const error = await openSql("postgres://user:s%C3%A9cret-word@127.0.0.1:1/db", { role: "input" }).catch(
    (e) => e,
  );
  expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", recoverable: true });
  expect(error.message).toContain("127.0.0.1:1/db");
  expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toMatch(/cret-word/);
  expect(redact("it was sécret-word")).toBe("it was [redacted]");
});
