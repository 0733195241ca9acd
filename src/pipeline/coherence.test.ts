import { describe, expect, test } from "vitest";
import { loaded, told } from "../../test/support/pipeline-files.ts";

describe("settings that contradict one another", () => {
  const pipeline = (persistence: string, output = "{ type: file, path: x.jsonl }", more = "") =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  statePersistence: { timestamp: { field: at, queryParam: since }${persistence} }\n${more}output: ${output}\n`;

  test("an append that would look back is refused", async () => {
    expect(await told(pipeline(", lookback: PT1H, order: ascending"))).toEqual([
      "5:68 CONFIG_INCOHERENT `lookback` reads records again, and this output would append them again (remove it)",
    ]);
    expect(await told(pipeline(", lookback: PT0S, order: ascending"))).toEqual([]);
  });

  test("an append without order and key is refused; either will do, and so will replacing", async () => {
    expect(await told(pipeline(""))).toEqual([
      expect.stringMatching(/^5:3 CONFIG_INCOHERENT a source that is unordered may have to be read again/),
    ]);
    expect(await told(pipeline(", order: ascending"))).toEqual([]);
    expect(await told(pipeline("", undefined, "  key: id\n"))).toEqual([]);
    const table = "type: database, connectionString: 'sqlite:./x.db', table: t";
    expect(await told(pipeline("", `{ ${table}, key: id }`))).toEqual([]);
    expect(await told(pipeline("", `{ ${table} }`))).toEqual([
      expect.stringContaining("or give the output a `key` to replace rows by"),
    ]);
    expect(await told(pipeline("", "{ type: console }"))).toEqual([]);
  });

  test("an append that keeps no cursor is doubted, and runs", async () => {
    const text =
      "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example' }\noutput: { type: file, path: x.jsonl }\n";
    expect(await told(text)).toEqual([
      "2:1 NO_CURSOR warning: no cursor is kept, so every run reads everything and appends it once more (declare `statePersistence`)",
    ]);
    expect((await loaded(text)).warnings).toMatchObject([{ code: "NO_CURSOR", severity: "warning" }]);
  });

  test("text as a cursor is doubted", async () => {
    const text =
      "name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  statePersistence:\n    id: { field: id, type: text, queryParam: after }\noutput: { type: console }\n";
    expect(await told(text)).toEqual([
      expect.stringMatching(/^6:5 TEXT_ORDER warning: texts are compared by code point/),
    ]);
  });

  test("text as the cursor of a table is not: the table is compared and sorted by code point", async () => {
    const text =
      "name: x\ninput:\n  type: database\n  connectionString: 'sqlite:./x.db'\n  table: t\n  statePersistence:\n    id: { field: id, type: text }\noutput: { type: console }\n";
    expect(await told(text)).toEqual([]);
    expect(await told(text.replace("sqlite:./x.db", "postgres://x.example/x"))).toEqual([]);
  });
});
