import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lettersOf } from "../src/engine/refusals/replay.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openHttpState } from "../src/state/storage/http/http.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { openState } from "../src/state/storage/open.ts";
import { serveState } from "./support/http-state.ts";
import { at, bench, crashingAt, folderOfTest, key } from "./support/replay.ts";

const states: Record<string, () => Promise<StateStore>> = {
  memory: async () => openMemoryState(),
  sqlite: async () => openState(`sqlite:${join(folderOfTest(), "state.db")}`),
  file: async () => openState(`file:${join(folderOfTest(), "state")}`),
  async http() {
    const listening = await serveState(openMemoryState());
    onTestFinished(() => listening.close(0));
    return openHttpState(listening.url);
  },
};

describe.each(Object.keys(states))("with state in %s", (kind) => {
  test("P11: letters are delivered and marked, as a run of its own, and the position stays", async () => {
    const state = await (states[kind] ?? states.memory)?.();
    if (state === undefined) throw new Error("no state");
    onTestFinished(async () => state[Symbol.asyncDispose]());
    const { run, replay, mend, rows, entries, position } = bench({ state });
    expect(await run()).toMatchObject({ status: "completed", recordsRefused: 2 });
    const before = await position();
    const inVain = await replay();
    expect(inVain.error).toBeNull();
    expect(inVain.letters).toMatchObject([
      { outcome: "refused", code: "OUTPUT_FAILED", reason: expect.stringContaining("no v") },
      { outcome: "refused" },
    ]);
    expect(entries()).toMatchObject([
      { status: "open", tries: 1, marked: { mark: "refused", actor: "ann", run: inVain.runId } },
      { status: "open", tries: 1 },
    ]);
    mend();
    const done = await replay();
    expect(done).toMatchObject({
      error: null,
      letters: [{ outcome: "replayed", records: 1 }, { outcome: "replayed" }],
    });
    expect(
      rows()
        .map(([id]) => id)
        .sort(),
    ).toEqual([1, 2, 3, 4, 5, 6]);
    expect(entries().map(({ status }) => status)).toEqual(["replayed", "replayed"]);
    expect(await position()).toEqual(before);
    expect(
      (await state.runs(key)).items.map(({ outcome, actor, metadata }) => [
        outcome,
        actor,
        metadata?.replayed_dead_letters,
      ]),
    ).toEqual([
      ["completed", "ann", { replayed: 2, refused: 0, kept: 0 }],
      ["completed", "ann", { replayed: 0, refused: 2, kept: 0 }],
      ["completed", null, undefined],
    ]);
    expect(await replay()).toMatchObject({ runId: null, letters: [] });
    expect(await run()).toMatchObject({ status: "completed", recordsWritten: 0, recordsRefused: 0 });
  });
});

test("ids choose letters; one that is not open is refused before anything is touched", async () => {
  const { run, replay, mend, entries, state } = bench();
  await run();
  mend();
  const [first, second] = entries();
  await replay({ ids: [second?.id ?? ""] });
  expect(entries().map(({ status }) => status)).toEqual(["open", "replayed"]);
  const { epoch } = (await state.get(key)) ?? {};
  await expect(replay({ ids: [first?.id ?? "", second?.id ?? ""] })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
  await expect(replay({ ids: ["none"] })).rejects.toMatchObject({
    message: expect.stringContaining("holds no letter none"),
  });
  expect((await state.get(key))?.epoch).toBe(epoch);
});

describe("a row that is there", () => {
  test("P2: one that is newer stays, whichever state it came by", async () => {
    const { run, replay, mend, add, rows, entries } = bench();
    await run();
    mend();
    add(3, "newer", 8);
    await run();
    expect((await replay()).letters).toMatchObject([{ outcome: "replayed" }, { outcome: "replayed" }]);
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBe("newer");
    expect(entries().every(({ status }) => status === "replayed")).toBe(true);
  });

  test("is replaced where it is older", async () => {
    const { run, replay, mend, rows, target } = bench();
    await run();
    mend();
    target.exec(`INSERT INTO rows VALUES (3, 'older', '${at(1)}')`);
    await replay();
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBeNull();
  });

  test("of which that is unknown stays, and so does its letter, until --overwrite says otherwise", async () => {
    const { run, replay, mend, rows, entries, target } = bench({
      filters: [{ type: "remove", target: "at" }],
    });
    await run();
    mend();
    target.exec("INSERT INTO rows (id, v) VALUES (3, 'perhaps newer')");
    // A backfill would warn that rows may be overwritten. A replay decides that for each letter.
    expect(await replay()).toMatchObject({
      letters: [{ outcome: "kept", code: "ROW_EXISTS" }, { outcome: "replayed" }],
      warnings: [],
    });
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBe("perhaps newer");
    expect(entries()).toMatchObject([{ status: "open", tries: 0 }, { status: "replayed" }]);
    expect((await replay({ overwrite: true })).letters).toMatchObject([{ outcome: "replayed" }]);
    expect(new Map(rows().map(([id, v]) => [id, v])).get(3)).toBeNull();
  });
});

describe("a crash behind the delivery and before the mark", () => {
  test.each(["append", "upsert"] as const)(
    "P2: a table that takes an %s holds the record once",
    async (mode) => {
      const { run, replay, mend, rows, entries, pipeline } = bench({ mode });
      await run();
      mend();
      const crashed = await replay({ letters: crashingAt(lettersOf(pipeline), 0) });
      expect(crashed.error?.message).toBe("crash");
      expect(entries().map(({ status }) => status)).toEqual(["open", "open"]);
      expect(rows().filter(([id]) => id === 3)).toHaveLength(1);
      expect((await replay()).error).toBeNull();
      expect(entries().map(({ status }) => status)).toEqual(["replayed", "replayed"]);
      expect(rows().filter(([id]) => id === 3)).toHaveLength(1);
      expect(rows()).toHaveLength(6);
    },
  );

  test("P2: a letter that was refused is not taken for one that was delivered", async () => {
    const { run, replay, mend, rows, entries, pipeline } = bench({ mode: "append" });
    await run();
    await replay({ letters: crashingAt(lettersOf(pipeline), 1) });
    expect(entries().map(({ tries }) => tries)).toEqual([1, 0]);
    mend();
    expect((await replay()).letters).toHaveLength(2);
    expect(rows()).toHaveLength(6);
  });

  test("P2: a letter that comes again after it was replayed is delivered again", async () => {
    const { run, replay, mend, rows, entries, pipeline, path } = bench({ mode: "append" });
    await run();
    const line = readFileSync(path, "utf8").split("\n")[0] ?? "";
    mend();
    await replay({ letters: crashingAt(lettersOf(pipeline), 1) });
    writeFileSync(path, `${line.replace(/"time":"[^"]*"/, '"time":"2027-01-01T00:00:00.000Z"')}\n`, {
      flag: "a",
    });
    expect(entries().map(({ status }) => status)).toEqual(["open", "open"]);
    await replay();
    expect(rows().filter(([id]) => id === 3)).toHaveLength(2);
    expect(rows().filter(([id]) => id === 6)).toHaveLength(1);
  });
});
