import { expect, test } from "vitest";
import { TidemarkError } from "../../errors.ts";
import type { Page } from "../ports.ts";
import type { ReadRange, StoredRange } from "../tracking/range.ts";
import { type RangeReading, readRanges } from "./read-ranges.ts";

function rangeOf(name: string): ReadRange {
  const stored: Pick<StoredRange, "partition"> = { partition: name };
  const request = { window: { lower: null, upper: null }, secondaryCursors: {}, resume: null };
  return {
    stored: Object.assign(Object.create(null), stored),
    name,
    request,
    abandoned: false,
    admit: () => ({ records: [], deliveries: null, disorder: null }),
    written: () => {},
    end: () => {},
    restart: () => false,
  };
}

const page: Page = { records: [{ id: 1 }], next: null };

/** A range `slow` that gives nothing until it is stopped, and others that give one page. */
function readingWithSlow(ended: string[]): RangeReading {
  return {
    concurrency: 2,
    onRefused: () => {},
    read: async function* (range, signal) {
      try {
        if (range.name === "slow") {
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        }
        yield page;
      } finally {
        ended.push(range.name ?? "");
      }
    },
  };
}

test("a read that ends early stops the ranges that still wait for a page", async () => {
  async function* ranges(): AsyncGenerator<ReadRange> {
    yield rangeOf("slow");
    yield rangeOf("quick");
  }
  const ended: string[] = [];
  for await (const event of readRanges(ranges(), readingWithSlow(ended))) {
    expect(event).toMatchObject({ kind: "page", range: { name: "quick" } });
    break;
  }
  expect(ended).toContain("slow");
});

test("an error while the ranges are listed is thrown after the ranges at work have ended", async () => {
  async function* ranges(): AsyncGenerator<ReadRange> {
    yield rangeOf("slow");
    throw new TidemarkError("SOURCE_UNAVAILABLE", "the list broke off");
  }
  const ended: string[] = [];
  const read = async (): Promise<void> => {
    for await (const _ of readRanges(ranges(), readingWithSlow(ended)));
  };
  await expect(read()).rejects.toThrow("the list broke off");
  expect(ended).toEqual(["slow"]);
});
