import fc from "fast-check";
import { expect, test } from "vitest";
import { historiesOr } from "./support/long-run.ts";
import { play } from "./support/lying/history.ts";
import { honestWorlds, pagings, worlds } from "./support/lying/world.ts";

/** How many histories are played with each way of paging; fast-check prints the seed of one that fails. */
const histories = Math.ceil(historiesOr(180) / pagings.length);
const seed = process.env.TIDEMARK_SEED === undefined ? {} : { seed: Number(process.env.TIDEMARK_SEED) };

/** The warnings that say that records may be missing, and which way to make sure. */
const doubts: ReadonlySet<string> = new Set([
  "BOUND_IGNORED",
  "END_UNCONFIRMED",
  "MORE_PAGES_SHOWN",
  "NEXT_PAGE_ABSENT",
  "PAGE_REPEATED_ONCE",
  "TOTAL_CHANGED",
  "TOTAL_IGNORED",
]);

const isDoubt = (code: string): boolean => doubts.has(code);

test.each(pagings)(
  "P15: however a source lies about its pages and bounds, no run that completes without a doubt lacks a record: %s",
  async (paging) => {
    await fc.assert(
      fc.asyncProperty(worlds(paging), async (world) => {
        const { runs, delivered } = await play(world, isDoubt);
        for (const run of runs) {
          if (run.status !== "completed" || run.warnings.some(isDoubt)) continue;
          expect(run, "a silent loss").toEqual({ ...run, missing: [] });
        }
        if (world.appends) expect(delivered, "a repeat").toEqual([...new Set(delivered)]);
      }),
      { ...seed, numRuns: histories },
    );
  },
  600_000,
);

test.each(pagings)(
  "a source that says nothing wrong is read whole and without a doubt, whatever size its pages have: %s",
  async (paging) => {
    await fc.assert(
      fc.asyncProperty(honestWorlds(paging), async (world) => {
        const { runs } = await play(world, isDoubt);
        for (const run of runs) {
          expect(run).toEqual({ ...run, status: "completed", error: null, warnings: [], missing: [] });
        }
      }),
      { ...seed, numRuns: Math.ceil(histories / 3) },
    );
  },
  600_000,
);
