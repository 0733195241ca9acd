import { expect, test } from "vitest";
import { postgresPlace } from "../../../../test/support/database-input.ts";
import { emptyPosition } from "../../../model/position.ts";
import { XminBound } from "./read.ts";

async function createBound() {
  const { beside } = await postgresPlace();
  await beside.execute("CREATE TABLE events (id int)");
  const bound = new XminBound(beside, "events", () => {});
  const upper = await bound.safeUpper(emptyPosition);
  const note = bound.note() ?? "";
  return { bound, position: { ...emptyPosition, watermark: upper.value, note }, upper };
}

test("the same cluster is gone on with", async () => {
  const { bound, position, upper } = await createBound();
  const next = await bound.safeUpper(position);
  expect(BigInt(next.value)).toBeGreaterThanOrEqual(BigInt(upper.value));
  expect(bound.note()).toBe(position.note);
});

test.each([
  ["system", "another database cluster"],
  ["timeline", "a standby has taken over"],
  ["database", "another database"],
  ["table", "took the place of the former"],
])("another %s is an error", async (what, why) => {
  const { bound, position } = await createBound();
  const { xmin } = JSON.parse(position.note);
  const note = JSON.stringify({ xmin: { ...xmin, [what]: "7" } });
  await expect(bound.safeUpper({ ...position, note })).rejects.toMatchObject({
    code: "SOURCE_REPLACED",
    message: expect.stringContaining(why),
    hint: expect.stringContaining(position.watermark),
  });
});

test("a counter that is below the horizon was set back", async () => {
  const { bound, position } = await createBound();
  await expect(bound.safeUpper({ ...position, watermark: "99999999999" })).rejects.toMatchObject({
    code: "SOURCE_REPLACED",
    message: expect.stringContaining("set back to an earlier state"),
  });
});

test("the cursor of another kind is an error, and one that an operator sets is taken at its word", async () => {
  const { bound, position, upper } = await createBound();
  const ids = JSON.stringify({ ids: { upper: "1", open: [], at: "2026-01-01T00:00:00Z" } });
  await expect(bound.safeUpper({ ...position, note: ids })).rejects.toMatchObject({
    code: "SOURCE_REPLACED",
  });
  const { value } = await bound.safeUpper({ ...emptyPosition, watermark: upper.value });
  expect(BigInt(value)).toBeGreaterThanOrEqual(BigInt(upper.value));
});
