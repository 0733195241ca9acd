import { describe, expect, test } from "vitest";
import { emptyPosition, type Position } from "../../model/position.ts";
import { parsePrecision } from "../../model/precision.ts";
import { SliceCoverage } from "./slice-coverage.ts";
import { SlicedWindow } from "./sliced-window.ts";
import { tieName } from "./tie-name.ts";

const cursor = (value: string) => ({ type: "numeric_id", value }) as const;
const tie = (identity: string, at: string) => ({ identity, cursor: at, count: 1 });

/** The window (0, 40] in slices of 10, from where a stream stands. */
function coverageOf(start: Partial<Position> = { watermark: "0" }) {
  const within = new SlicedWindow({
    start: { ...emptyPosition, ...start },
    window: { lower: cursor("0"), upper: cursor("40") },
    cut: { type: "numeric_id", step: parsePrecision("10"), clamp: null, precision: parsePrecision("1") },
    known: [],
    live: true,
  });
  const coverage = new SliceCoverage(within, tieName);
  const finish = (lower: string, highest: string, tieSet: Position["tieSet"] = []): void =>
    coverage.add(
      { lower, upper: String(Number(lower) + 10) },
      { position: { ...emptyPosition, watermark: highest, tieSet }, windowEnd: null },
    );
  return { within, coverage, finish };
}

describe("the position by finished slices", () => {
  test("the watermark is the end of the first range without a gap, whatever order slices end in", () => {
    const { coverage, finish } = coverageOf();
    finish("20", "29");
    expect(coverage.reached().watermark).toBe("0");
    finish("0", "7");
    expect(coverage.reached().watermark).toBe("10");
    finish("10", "15");
    expect(coverage.reached().watermark).toBe("29");
  });

  test("it never lies past the highest record seen", () => {
    const { coverage, finish } = coverageOf();
    finish("0", "4");
    finish("10", "10");
    expect(coverage.reached()).toMatchObject({ watermark: "4", coverage: [{ lower: "0", upper: "4" }] });
    expect([coverage.countsFrom("0"), coverage.countsFrom("20")]).toEqual([true, false]);
  });

  test("what was delivered inside the coverage need not be known; at its ends and outside it does", () => {
    const { coverage, finish } = coverageOf();
    finish("0", "9", [tie("a", "5"), tie("b", "9")]);
    finish("20", "28", [tie("c", "28"), tie("d", "")]);
    const { tieSet } = coverage.reached();
    expect(tieSet.map(({ identity }) => identity)).toEqual(["c", "d"]);
  });

  test("a run goes on with the gaps that the one before left", () => {
    const { within } = coverageOf({ watermark: "10", coverage: [{ lower: "20", upper: "30" }] });
    expect([...within.slices()]).toEqual([
      { lower: "0", upper: "10" },
      { lower: "10", upper: "20" },
      { lower: "30", upper: "40" },
    ]);
  });
});
