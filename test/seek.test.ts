import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { definePipeline, openState, sync } from "../src/index.ts";
import { testFolder } from "./support/command.ts";
import { historiesOr, inLongRun } from "./support/long-run.ts";
import { type Row, type SortedSource, startSortedSource, timeOf } from "./support/sorted-source.ts";

/** Something that happens to a source: so many ticks after the newest record, one comes or one moves. */
interface Change {
  readonly ticks: number;
  /** The place of the record that moves; undefined where a new one comes. */
  readonly moves?: number;
}

interface History {
  readonly limit: number;
  /** How the source compares, and what is declared of it. */
  readonly strict: boolean;
  readonly declared: "inclusive" | "exclusive";
  readonly granularity: "1us" | "1ms";
  /** Without a key, records are told apart by their content; where they are `alike`, not at every second time. */
  readonly identity: "key" | "content" | "alike";
  /** What happens before each run, and one by one before the requests of it. */
  readonly rounds: readonly { readonly before: readonly Change[]; readonly during: readonly Change[] }[];
}

/** Half of all records share their time with the one before. */
const arrival: fc.Arbitrary<Change> = fc.record({ ticks: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 900) });
const move: fc.Arbitrary<Change> = fc.record({
  ticks: fc.constantFrom(0, 1, 2),
  moves: fc.nat({ max: 60 }),
});

function histories(change: fc.Arbitrary<Change>, least: { limit: number }): fc.Arbitrary<History> {
  return fc
    .record({
      limit: fc.integer({ min: least.limit, max: 7 }),
      strict: fc.boolean(),
      cautious: fc.boolean(),
      granularity: fc.constantFrom("1us" as const, "1ms" as const),
      identity: fc.constantFrom("key" as const, "content" as const, "alike" as const),
      rounds: fc.array(
        fc.record({
          before: fc.array(arrival, { maxLength: 25 }),
          during: fc.array(change, { maxLength: 8 }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    })
    .map(({ cautious, ...history }) => ({
      ...history,
      // A strict source must be declared as one; an inclusive source may be declared as either.
      declared: cautious || history.strict ? ("exclusive" as const) : ("inclusive" as const),
      // Alike records that come one by one cannot be told from a page that comes again and again.
      identity: history.identity === "alike" && history.limit < 2 ? ("content" as const) : history.identity,
    }));
}

/** A source as a history left it, with every version of a record that it ever had. */
class Changing {
  readonly source: SortedSource;
  readonly everShown: Row[] = [];
  readonly label: (row: Row) => number;
  #newest = 0;
  #next = 1;

  static async start({ strict, identity }: Pick<History, "strict" | "identity">): Promise<Changing> {
    const label = ({ id, tick }: Row): number => (identity === "alike" && tick % 2 === 0 ? 0 : id);
    const show = (row: Row): object => ({ label: label(row), at: timeOf(row.tick) });
    return new Changing(await startSortedSource([], { strict, show }), label);
  }

  constructor(source: SortedSource, label: (row: Row) => number) {
    this.source = source;
    this.label = label;
  }

  apply({ ticks, moves }: Change): void {
    const { rows } = this.source;
    const moved = moves === undefined || rows.length === 0 ? undefined : rows[moves % rows.length];
    this.#newest += ticks;
    const row = { id: moved?.id ?? this.#next++, tick: this.#newest };
    if (moved?.tick === row.tick) return;
    this.source.rows = [...rows.filter(({ id }) => id !== row.id), row];
    this.everShown.push(row);
  }

  shown(rows: readonly Row[] = this.source.rows): string[] {
    return rows.map((row) => `${this.label(row)} ${timeOf(row.tick)}`).toSorted();
  }
}

type Pagination = NonNullable<
  Extract<Parameters<typeof definePipeline>[0]["input"], { type: "httpPolling" }>["pagination"]
>;

function pipelineOf(
  { source }: Changing,
  { declared, granularity, identity }: Pick<History, "declared" | "granularity" | "identity">,
  pagination: Pagination,
  output: { connectionString: string; table: string },
) {
  return definePipeline({
    name: output.table,
    input: {
      type: "httpPolling",
      endpoint: source.origin,
      dataField: "list",
      ...(identity === "key" ? { key: "label" } : {}),
      pagination,
      statePersistence: {
        timestamp: { field: "at", queryParam: "since", bound: declared, granularity },
        order: "ascending",
      },
    },
    output: { type: "database", ...output, mode: "append" },
  });
}

/** `label at` of every row delivered. */
function deliveredIn(file: string, table: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database.prepare(`SELECT label, at FROM ${table}`).all();
    return rows.map(({ label, at }) => `${label} ${at}`).toSorted();
  } finally {
    database.close();
  }
}

/** Plays histories, each into a table of its own, and hands on what was delivered. */
async function play(
  arbitrary: fc.Arbitrary<History>,
  judge: (delivered: string[], changing: Changing) => void,
): Promise<void> {
  const file = join(testFolder(), "out.db");
  let played = 0;
  await fc.assert(
    fc.asyncProperty(arbitrary, async (history) => {
      const table = `seek_${++played}`;
      const { limit } = history;
      const changing = await Changing.start(history);
      await using source = changing.source;
      await using state = await openState("memory:");
      const pagination = { type: "seek", limitParam: "limit", limit, offsetParam: "skip" } as const;
      const output = { connectionString: `sqlite:${file}`, table };
      const pipeline = pipelineOf(changing, history, pagination, output);
      for (const { before, during } of [...history.rounds, { before: [], during: [] }]) {
        for (const change of before) changing.apply(change);
        const pending = [...during];
        source.onRequest = () => {
          const change = pending.shift();
          if (change !== undefined) changing.apply(change);
        };
        const { warnings } = await sync(pipeline, { state });
        // The record at the watermark may move in each of two runs, so that it does not come again.
        expect(warnings.filter(({ code }) => code !== "WATERMARK_NOT_SEEN")).toEqual([]);
      }
      if (source.rows.length > 0) judge(deliveredIn(file, table), changing);
    }),
    { numRuns: historiesOr(30) },
  );
}

/** Plain settings, for histories told by hand. */
const plain = {
  strict: false,
  declared: "inclusive",
  granularity: "1us",
  identity: "key",
} as const satisfies Partial<History>;

describe("pagination by seek", () => {
  test("P6: records arrive exactly once in an append table, whatever crowds and arrivals there are", async () => {
    await play(histories(arrival, { limit: 1 }), (delivered, changing) => {
      expect(delivered).toEqual(changing.shown());
    });
  });

  test("P6: records that move while they are read cost no other, and no version comes twice", async () => {
    const changes = fc.oneof(arrival, move, move);
    const distinct = histories(changes, { limit: 2 }).map((history) => ({
      ...history,
      identity: history.identity === "alike" ? ("key" as const) : history.identity,
    }));
    await play(distinct, (delivered, changing) => {
      expect(delivered).toEqual([...new Set(delivered)]);
      expect(changing.shown(changing.everShown)).toEqual(expect.arrayContaining(delivered));
      expect(delivered).toEqual(expect.arrayContaining(changing.shown()));
    });
  });

  test("P6: a record that moves in among equals, just as the end is confirmed, is delivered", async () => {
    const rounds = [
      {
        before: [{ ticks: 0 }, { ticks: 900 }],
        during: [{ ticks: 0 }, { ticks: 0 }, { ticks: 0, moves: 0 }, { ticks: 1, moves: 0 }],
      },
    ];
    await play(fc.constant({ ...plain, limit: 4, rounds }), (delivered, changing) => {
      expect(delivered).toEqual(expect.arrayContaining(changing.shown()));
    });
  });

  test.each([
    ["page", { type: "page", param: "page", limitParam: "limit", limit: 3 }, ["4"]],
    ["offset", { type: "offset", param: "skip", limitParam: "limit", limit: 3 }, ["4"]],
    ["seek", { type: "seek", limitParam: "limit", limit: 3 }, []],
  ] as const)(
    "P6: a record that moves between two pages: what %s pagination loses of the others",
    async (_type, pagination, lost) => {
      const history: History = {
        limit: 3,
        strict: false,
        declared: "inclusive",
        granularity: "1us",
        identity: "key",
        rounds: [],
      };
      const changing = await Changing.start(history);
      await using source = changing.source;
      for (let count = 0; count < 8; count++) changing.apply({ ticks: 1 });
      source.onRequest = (count) => {
        if (count === 2) changing.apply({ ticks: 1, moves: 0 });
      };
      const file = join(testFolder(), "out.db");
      const output = { connectionString: `sqlite:${file}`, table: "moved" };
      await using state = await openState("memory:");
      const pipeline = pipelineOf(changing, history, pagination, output);
      await sync(pipeline, { state });
      await sync(pipeline, { state });
      const delivered = deliveredIn(file, "moved");
      const missing = changing.shown().filter((row) => !delivered.includes(row));
      expect(missing.map((row) => row.split(" ")[0])).toEqual(lost);
    },
  );

  test("P8: a run that fails goes on from its last page, by the watermark", async () => {
    const changing = await Changing.start(plain);
    await using source = changing.source;
    for (let count = 0; count < 20; count++) changing.apply({ ticks: count % 3 });
    const file = join(testFolder(), "out.db");
    const pagination = { type: "seek", limitParam: "limit", limit: 4, offsetParam: "skip" } as const;
    const output = { connectionString: `sqlite:${file}`, table: "failed" };
    await using state = await openState("memory:");
    const pipeline = pipelineOf(changing, plain, pagination, output);
    source.refuses = (count) => count === 4;
    await expect(sync(pipeline, { state })).rejects.toMatchObject({ code: "SOURCE_REFUSED" });
    const before = deliveredIn(file, "failed").length;
    const { position } = (await state.get(pipeline.key)) ?? {};
    expect([before, position?.watermark]).toEqual([9, timeOf(9)]);
    const asked = source.seen.length;
    expect(await sync(pipeline, { state })).toMatchObject({ lowerBound: timeOf(9), recordsWritten: 11 });
    expect(source.seen[asked]?.url.searchParams.get("since")).toBe(timeOf(9));
    expect(deliveredIn(file, "failed")).toEqual(changing.shown());
  });

  test("P9: of a source that shows that it is not sorted, everything arrives once in an append table with a key", async () => {
    const file = join(testFolder(), "out.db");
    let [played, shown] = [0, 0];
    const ticks = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 2, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(ticks, fc.integer({ min: 1, max: 7 }), fc.boolean(), async (found, limit, falls) => {
        const table = `unsorted_${++played}`;
        const rows = found.map((tick, index) => ({ id: index + 1, tick }));
        const compare = (a: Row, b: Row): number => (falls ? b.tick - a.tick : 0) || a.id - b.id;
        const show = ({ id, tick }: Row): object => ({ label: id, at: timeOf(tick) });
        await using source = await startSortedSource(rows, { strict: false, compare, show });
        const changing = new Changing(source, ({ id }) => id);
        await using state = await openState("memory:");
        const pagination = { type: "seek", limitParam: "limit", limit, offsetParam: "skip" } as const;
        const output = { connectionString: `sqlite:${file}`, table };
        const { warnings } = await sync(pipelineOf(changing, plain, pagination, output), { state });
        const delivered = deliveredIn(file, table);
        expect(delivered).toEqual([...new Set(delivered)]);
        const isShown = warnings.some(({ code }) => code === "ORDER_BROKEN");
        if (isShown) expect(delivered).toEqual(changing.shown());
        // What falls from its first record on shows it, however it is paged.
        if (falls && new Set(found).size > 1) expect(isShown).toBe(true);
        if (isShown) shown += 1;
      }),
      { numRuns: inLongRun(50, 100) },
    );
    expect(shown).toBeGreaterThan(inLongRun(10, 20));
  });
});
