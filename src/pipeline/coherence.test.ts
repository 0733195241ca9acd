import { describe, expect, test } from "vitest";
import { loaded, told } from "../../test/support/pipeline-files.ts";

describe("settings that contradict one another", () => {
  const pipeline = (persistence: string, output = "{ type: file, path: x.jsonl }", more = "") =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  statePersistence: { timestamp: { field: at, queryParam: since }${persistence} }\n${more}output: ${output}\n`;

  test("a table's key that is a path into an object is refused where records surely have that object", async () => {
    const nested = (key: string, filters = "") =>
      `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  key: event.id\n  statePersistence: { timestamp: { field: at, queryParam: since } }\n${filters}output: { type: database, connectionString: "sqlite:./x.db", table: t, key: ${key} }\n`;
    const refused = "CONFIG_INCOHERENT `event.id` is no column: records have an object `event`";
    expect(await told(nested("event.id"))).toEqual([expect.stringContaining(`7:77 ${refused}`)]);
    const keeps = "filters: [{ type: remove, target: [event.secret] }]\n";
    expect(await told(nested("[id, event.id]", keeps))).toEqual([expect.stringContaining(refused)]);
    expect(await told(nested("id"))).toEqual([]);
    // A field may have a dot in its name; and a mapping may make one.
    expect(await told(nested("other.id"))).toEqual([]);
    const maps = "filters: [{ type: mapping, mappings: [{ source: event.id, target: id }] }]\n";
    expect(await told(nested("event.id", maps))).toEqual([]);
  });

  test("an append that would look back is refused", async () => {
    expect(await told(pipeline(", lookback: PT1H, order: ascending"))).toEqual([
      "5:68 CONFIG_INCOHERENT `lookback` reads records again, and this output would append them again (declare `dedupe: window` too, or remove it)",
    ]);
    expect(await told(pipeline(", lookback: PT0S, order: ascending"))).toEqual([]);
  });

  test("`dedupe: window` lets an append look back, by key and cursor, of a stream in one piece", async () => {
    const back = ", lookback: PT1H, dedupe: window, order: ascending";
    const keyed = (text: string): string => text.replace("endpoint:", "key: id\n  endpoint:");
    expect(await told(keyed(pipeline(back)))).toEqual([]);
    expect(await told(pipeline(back))).toEqual([
      "5:84 CONFIG_INCOHERENT a delivery is known again by its key, and none is declared (declare `input.key`)",
    ]);
    const table = "{ type: database, connectionString: 'sqlite:./x.db', table: t, key: id }";
    expect(await told(pipeline(back, table))).toEqual([
      "5:84 CONFIG_INCOHERENT this output does not append, so nothing read again is added again (remove it)",
    ]);
    const parted = keyed(pipeline(back)).replace(
      "https://x.example",
      "https://x.example/{{ partition }}\n  partitions: { values: [a] }",
    );
    expect(await told(parted)).toEqual([
      expect.stringMatching(/^7:84 CONFIG_INCOHERENT partitions have a lookback each/),
    ]);
    expect(await told(pipeline(", dedupe: window, order: ascending"))).toEqual([
      expect.stringMatching(/^5:\d+ VALUE_INVALID `input.statePersistence.dedupe` goes with `lookback`/),
    ]);
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

  test("an append that keeps no cursor is warned about, and runs", async () => {
    const text =
      "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example' }\noutput: { type: file, path: x.jsonl }\n";
    expect(await told(text)).toEqual([
      "2:1 NO_CURSOR warning: no cursor is kept, so every run reads everything and appends it once more (declare `statePersistence`)",
    ]);
    expect((await loaded(text)).warnings).toMatchObject([{ code: "NO_CURSOR", severity: "warning" }]);
  });

  test("text as a cursor is warned about", async () => {
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

  test("counted pages are warned about where the source sorts by when records changed, and they are replaced", async () => {
    const text = (pagination: string, order: string, output: string): string =>
      `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  key: id\n  pagination: ${pagination}\n  statePersistence: { timestamp: { field: at, queryParam: since }, order: ${order} }\noutput: ${output}\n`;
    const table = "type: database, connectionString: 'sqlite:./x.db', table: t";
    const replaced = `{ ${table}, key: id }`;
    const page = "{ type: page, param: page }";
    expect(await told(text(page, "ascending", replaced))).toEqual([
      "6:23 PAGES_SHIFT warning: a record that changes while pages are counted moves to the end, and another slips past a page's border unread (use `pagination: { type: seek }`, or page tokens, if the source has them)",
    ]);
    expect(await told(text("{ type: offset, param: o }", "ascending", replaced))).toHaveLength(1);
    const updated = (output: string, field = "updated_at"): string =>
      text(page, "ascending", output).replace("field: at", `field: ${field}`);
    for (const output of ["{ type: console }", "{ type: file, path: ./x.jsonl }", `{ ${table} }`]) {
      for (const field of ["updated_at", "meta.lastModifiedDate", "SystemModstamp"]) {
        expect(await told(updated(output, field))).toEqual([expect.stringContaining("PAGES_SHIFT warning")]);
      }
      expect(await told(updated(output, "created_at"))).toEqual([]);
    }
    for (const fine of [
      text(page, "unordered", replaced),
      text(page, "ascending", `{ ${table} }`),
      text(page, "ascending", "{ type: console }"),
      text("{ type: seek, limit: 9 }", "ascending", replaced),
      text("{ type: cursor, param: c, nextCursorField: n }", "ascending", replaced),
      text(page, "ascending", replaced).replace("timestamp: { field: at", "id: { field: id"),
    ]) {
      expect(await told(fine)).toEqual([]);
    }
  });

  test("an offset in a parameter that by its name counts pages is warned about", async () => {
    const text = (pagination: string): string =>
      `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  pagination: ${pagination}\noutput: { type: console }\n`;
    for (const param of ["page", "pageNumber", "page_no", "p", "currentPage"]) {
      expect(await told(text(`{ type: offset, param: ${param} }`))).toEqual([
        expect.stringMatching(/^5:\d+ PAGING_UNIT warning: .*the number of a page.*type: page/),
      ]);
    }
    for (const fine of ["offset", "'page[offset]'", "start", "skip", "startPosition"]) {
      expect(await told(text(`{ type: offset, param: ${fine} }`))).toEqual([]);
    }
    expect(await told(text("{ type: page, param: page }"))).toEqual([]);
  });

  test("a timestamp and an id that are sent together are warned about, since a source may require both", async () => {
    const both = (id: string) =>
      `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  statePersistence:\n    timestamp: { field: at, queryParam: since }\n    id: { ${id} }\noutput: { type: console }\n`;
    expect(await told(both("field: id, queryParam: after_id"))).toEqual([
      expect.stringMatching(
        /^7:5 CURSORS_COMBINED warning: the source is asked by `since` and `after_id` together: .* \(leave `id` out/,
      ),
    ]);
    expect(await told(both("enabled: false, field: id, queryParam: after_id"))).toEqual([]);
  });
});

test("a dead-letter file that neither the output nor a filter writes to is refused", async () => {
  const pipeline = (output: string) =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  key: id\n  statePersistence: { id: { field: id, queryParam: after } }\noutput: { type: console, ${output} }\n`;
  expect(await told(pipeline("deadLetter: { path: f }"))).toEqual([
    "7:26 CONFIG_INCOHERENT `output.deadLetter` is only used with `onError: deadLetter` (declare `onError: deadLetter` too, or declare it in a filter)",
  ]);
  expect(await told(pipeline("onError: deadLetter, deadLetter: { path: f }"))).toEqual([]);
});

test("a limit on refusals is a number or a share, and goes with records that may be refused", async () => {
  const pipeline = (output: string) =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  key: id\n  statePersistence: { id: { field: id, queryParam: after } }\noutput: { type: console, ${output} }\n`;
  for (const good of ["10", '"5%"', "5%", "0.5%", "100%"]) {
    expect(await told(pipeline(`onError: skip, maxRefused: ${good}`))).toEqual([]);
  }
  for (const bad of ["0", "-1", "1.5", "5 %", "0%", "101%", "half", "true"]) {
    expect(await told(pipeline(`onError: skip, maxRefused: ${bad}`)), bad).toEqual([
      expect.stringContaining("7:53 VALUE_INVALID"),
    ]);
  }
  expect(await told(pipeline("maxRefused: 10"))).toEqual([
    expect.stringMatching(
      /^7:26 CONFIG_INCOHERENT `output.maxRefused` is only used with `onError: skip` or `deadLetter`/,
    ),
  ]);
});
