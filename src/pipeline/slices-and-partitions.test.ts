import { describe, expect, test } from "vitest";
import { loaded, told } from "../../test/support/pipeline-files.ts";

const output = "output: { type: database, connectionString: 'sqlite:./x.db', table: t, key: id }\n";

describe("slices in a pipeline file", () => {
  const pipeline = (persistence: string, last = output): string =>
    `name: x
input:
  type: httpPolling
  endpoint: https://x.example
  statePersistence:
    timestamp: { field: at, queryParam: since, granularity: 1ms }
    order: ascending
${persistence}
${last}`;

  test("are taken, and the input declares them", async () => {
    const text = pipeline(
      "    start: 2026-01-01\n    until: { queryParam: to }\n    slices: { step: P1D, concurrency: 8, clamp: day }",
    );
    expect(await told(text)).toEqual([]);
    expect((await loaded(text)).input.incremental).toMatchObject({
      start: { at: "2026-01-01T00:00:00Z" },
      slices: { clamp: "day", concurrency: 8 },
    });
    const ids = pipeline("    until: { queryParam: to }\n    slices: { step: 1000 }\n    start: 500").replace(
      "timestamp: { field: at, queryParam: since, granularity: 1ms }",
      "id: { field: id, queryParam: after }",
    );
    expect(await told(ids)).toEqual([
      expect.stringMatching(/^9:5 SLICES_UNUSED warning: how far the ids of an API go is not known/),
    ]);
    expect((await loaded(ids)).input.incremental).toMatchObject({
      start: { at: "500" },
      slices: { step: { unit: "number", amount: "1000" } },
    });
  });

  test("an error in them is reported at its place", async () => {
    expect(await told(pipeline("    slices: { step: P1D }"))).toEqual([
      expect.stringMatching(/^8:\d+ VALUE_INVALID `input.statePersistence.slices` needs `until`/),
    ]);
    const until = "    until: { queryParam: to, format: epoch_s }\n";
    expect(await told(pipeline(`${until}    slices: { step: P1D }`))).toEqual([
      expect.stringMatching(
        /^6:61 VALUE_INVALID `input.statePersistence.timestamp.granularity` is finer than `until.format: epoch_s` can say, .*write `1s`/,
      ),
    ]);
    const plain = "    until: { queryParam: to }\n";
    expect(await told(pipeline(`${plain}    slices: { stpe: P1D }`))).toEqual([
      expect.stringMatching(/^9:15 KEY_UNKNOWN unknown key `stpe` .*did you mean `step`\?/),
    ]);
    expect(await told(pipeline(`${plain}    slices: { step: P1D, clamp: dya }`))).toEqual([
      expect.stringMatching(/^9:33 VALUE_INVALID .*did you mean `day`\?/),
    ]);
    expect(await told(pipeline(`${plain}    slices: { step: 1x }`))).toEqual([
      expect.stringMatching(/^9:21 VALUE_INVALID .*"1x" is not a precision/),
    ]);
    expect(await told(pipeline("    start: soon"))).toEqual([
      expect.stringMatching(/^8:12 VALUE_INVALID `input.statePersistence.start`/),
    ]);
  });

  test("a first run that has no lower end to cut from is warned about", async () => {
    const text = pipeline("    until: { queryParam: to }\n    slices: { step: P1D }");
    expect(await told(text)).toEqual([
      expect.stringMatching(/^9:5 SLICES_UNUSED warning: without a `start` the first run has no lower end/),
    ]);
  });

  test("an append needs a key, by which what is read again is known", async () => {
    const text = pipeline(
      "    until: { queryParam: to }\n    slices: { step: P1D }\n    start: P30D",
      "output: { type: file, path: x.jsonl }\n",
    );
    expect(await told(text)).toEqual([
      expect.stringMatching(/^9:5 CONFIG_INCOHERENT a slice that fails is read again from its start/),
    ]);
    expect(await told(text.replace("endpoint:", "key: id\n  endpoint:"))).toEqual([]);
  });
});

describe("partitions in a pipeline file", () => {
  const pipeline = (partitions: string, endpoint = "https://x.example/{{ partition }}"): string =>
    `name: x
input:
  type: httpPolling
  endpoint: ${endpoint}
  partitions: ${partitions}
  statePersistence:
    timestamp: { field: at, queryParam: since }
${output}`;

  test("are taken, and the input declares them", async () => {
    const text = pipeline("{ values: [a, 1.10, 123456789012345678901], concurrency: 4, as: account }");
    expect(await told(text)).toEqual([]);
    expect((await loaded(text)).input.incremental.partitions).toEqual({ concurrency: 4 });
    const parent = "{ from: { type: httpPolling, endpoint: 'https://x.example/names' }, field: name }";
    expect(await told(pipeline(parent))).toEqual([]);
  });

  test("an error in them is reported at its place", async () => {
    expect(await told(pipeline("{ values: [a] }", "https://x.example"))).toEqual([
      expect.stringMatching(/^5:\d+ VALUE_INVALID `input.partitions` needs `{{ partition }}` in `endpoint`/),
    ]);
    expect(await told(pipeline("{ values: [a, ''] }"))).toEqual([
      expect.stringMatching(/^5:29 VALUE_INVALID .*cannot name a partition: it is empty/),
    ]);
    expect(
      await told(pipeline("{ from: { type: httpPolling, endpont: 'https://x.example' }, field: name }")),
    ).toEqual([
      expect.stringMatching(/^5:\d+ KEY_UNKNOWN unknown key `endpont` .*did you mean `endpoint`\?/),
    ]);
    expect(await told(pipeline("{ from: { type: httpPolling, endpoint: 'https://x.example' } }"))).toEqual([
      expect.stringMatching(/^5:\d+ VALUE_INVALID `input.partitions.from` needs `field` too/),
    ]);
    expect(await told(pipeline("{ values: [a] }").replace(/ {2}partitions.*\n/, ""))).toEqual([
      expect.stringMatching(/^4:\d+ VALUE_INVALID `input.endpoint` holds `{{ partition }}`, and no/),
    ]);
  });

  test("a name is text as it was written", async () => {
    const text = pipeline("{ values: [a, 007, 1.10, 123456789012345678901] }");
    const session = await (await loaded(text)).input.open({
      key: { connector: "x", stream: "y" },
      clock: { now: () => 0, elapsed: () => 0, sleep: async () => {} },
      signal: AbortSignal.abort(),
      warn: () => {},
    });
    const names: string[] = [];
    for await (const page of session.partitions?.(AbortSignal.abort()) ?? []) names.push(...page);
    await session.close();
    expect(names).toEqual(["a", "007", "1.10", "123456789012345678901"]);
  });

  test("P14: the parent's credentials are never shown", async () => {
    const from =
      "{ type: httpPolling, endpoint: 'https://x.example', authentication: { type: bearer, token: hidden-parent-token, tokn: 1 } }";
    const shown = await told(pipeline(`{ from: ${from}, field: name, concurrency: hidden-parent-token }`));
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.join("\n")).not.toContain("hidden-parent-token");
  });
});
