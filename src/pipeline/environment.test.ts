import { describe, expect, test } from "vitest";
import { redact } from "../secrets.ts";
import { substitute } from "./environment.ts";
import { isSecretPlace } from "./sensitive.ts";
import { readDocuments } from "./source.ts";

describe("variables", () => {
  const environment = { HOST: "db.example", EMPTY: "", TRICK: "a: 1\nb: ${HOST}" };

  test.each([
    ["https://${HOST}/x", "https://db.example/x"],
    ["${HOST}:${HOST}", "db.example:db.example"],
    ["${NONE:-5432}", "5432"],
    ["${NONE:-}", ""],
    ["${EMPTY:-default}", "default"],
    ["${EMPTY}", ""],
    ["${HOST:-default}", "db.example"],
    ["$${HOST} costs $5 and ${HOST}", "${HOST} costs $5 and db.example"],
    ["${TRICK}", "a: 1\nb: ${HOST}"],
  ])("%s becomes %s", (text, filled) => {
    expect(substitute(text, environment)).toMatchObject({ text: filled, problems: [] });
  });

  test.each(["${}", "${A B}", "${1A}", "${NONE:-${HOST}}", "x ${HOST", "${HOST-x}", "${env:HOST}"])(
    "%s is refused rather than taken as text",
    (text) => {
      expect(substitute(text, environment).problems).toMatchObject([{ code: "ENV_INVALID" }]);
    },
  );

  test("one that is not set is named, with its place and the nearest that is", () => {
    expect(substitute("x ${HOTS}", environment).problems).toEqual([
      {
        code: "ENV_MISSING",
        message: "the environment variable HOTS is not set; HOST is",
        hint: "set it, or give a default: ${HOTS:-…}",
        offset: 2,
      },
    ]);
  });

  test("what a variable holds is a value, never YAML", () => {
    const [source] = readDocuments("a: ${TRICK}\n", environment);
    expect(source?.value).toEqual({ a: "a: 1\nb: ${HOST}" });
  });
});

describe("P14: secrets of a pipeline are never shown", () => {
  const environment = {
    PLAIN: "value-of-plain",
    MY_API_KEY: "value-of-my-api-key",
    BASIC_PASS: "value-of-basic-pass",
    DATABASE_URL: "postgres://ann:url%2Dpassword@db.example/app?sslpassword=url-parameter",
    HOME_PAGE: "https://shown.example/path",
  };
  readDocuments(
    [
      "input:",
      "  endpoint: ${HOME_PAGE}",
      "  note: a ${MY_API_KEY} b ${BASIC_PASS}",
      "  authentication: { type: basic, username: ann-the-user, password: literal-password }",
      "  headers: { X-Trace: '${PLAIN}', Authorization: Bearer literal-bearer, Accept: text/shown }",
      "  queryParams: { api_key: literal-api-key, sort: updated_shown }",
      "  key: event.shown",
      "output:",
      "  connectionString: ${DATABASE_URL}",
      "  other: mysql://ann:written-in-the-address@host/db",
      "third: { connectionStringRef: host=localhost password=driver-password dbname=shown_db }",
      "number: { authentication: { token: 123456789 } }",
    ].join("\n"),
    environment,
  );

  test.each([
    "value-of-plain",
    "value-of-my-api-key",
    "value-of-basic-pass",
    "literal-password",
    "literal-bearer",
    "literal-api-key",
    "url%2Dpassword",
    "url-password",
    "url-parameter",
    "written-in-the-address",
    "driver-password",
    "123456789",
  ])("%s", (secret) => {
    expect(redact(`before ${secret} after`)).toBe("before [redacted] after");
  });

  test.each([
    "https://shown.example/path",
    "ann-the-user",
    "text/shown",
    "updated_shown",
    "event.shown",
    "shown_db",
  ])("%s is no secret", (text) => {
    expect(redact(text)).toBe(text);
  });

  test.each<[(string | number)[], boolean]>([
    [["input", "authentication", "value"], true],
    [["input", "authentication", "clientSecret"], true],
    [["input", "authentication", "tokenUrl"], false],
    [["input", "authentication", "type"], false],
    [["input", "queryParams", "token", 0], true],
    [["input", "key"], false],
    [["filters", 0, "value"], false],
  ])("whether %j is a secret's place: %s", (path, secret) => {
    expect(isSecretPlace(path)).toBe(secret);
  });
});

describe("what says where something is, or how it is done, is no secret wherever it comes from", () => {
  const environment = {
    LEDGER_URL: "http://ledger.shown-host.example:44579",
    TOKEN_HOST: "tokens.shown-host.example",
    LEDGER_CLIENT_ID: "shown-client",
    LEDGER_SCOPE: "shown-entries",
    AUTH_STYLE: "shown-style",
    LEDGER_API_KEY: "shown-audience",
    KEY_HEADER: "X-Shown-Header",
    LEDGER_USER: "shown-user",
    DB_HOST: "shown-db.example",
    LANGUAGES: "shown-language",
    PLAIN_SECRETLESS: "hidden-client-secret",
    PLAIN_VALUE: "hidden-key-value",
    BASIC_KEY: "hidden-key-as-user",
    REQUEST_ID: "hidden-header-key",
  };
  readDocuments(
    [
      "a: { authentication: { tokenUrl: '${LEDGER_URL}/token', clientId: '${LEDGER_CLIENT_ID}',",
      "       clientSecret: '${PLAIN_SECRETLESS}', scope: '${LEDGER_SCOPE}', style: '${AUTH_STYLE}', audience: '${LEDGER_API_KEY}' } }",
      "b: { authentication: { tokenUrl: 'https://${TOKEN_HOST}/token', name: '${KEY_HEADER}', value: '${PLAIN_VALUE}' } }",
      "c: { authentication: { username: '${LEDGER_USER}' }, headers: { Accept-Language: '${LANGUAGES}' } }",
      "d: { connectionString: 'postgres://${DB_HOST}/x', headers: { X-Api-Key: '${REQUEST_ID}' } }",
      "e: { authentication: { username: '${BASIC_KEY}' } }",
    ].join("\n"),
    environment,
  );

  test.each(Object.values(environment).filter((value) => /shown/i.test(value)))("%s is shown", (text) => {
    expect(redact(`GET ${text}/x`)).toBe(`GET ${text}/x`);
  });

  test.each(Object.values(environment).filter((value) => value.startsWith("hidden")))(
    "P14: %s is masked",
    (text) => {
      expect(redact(`GET ${text}/x`)).toBe("GET [redacted]/x");
    },
  );
});
