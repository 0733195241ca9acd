import { expect, test } from "vitest";
import { FakeClock } from "../../testing/fake-clock.ts";
import { reading, untilTime } from "./patience.ts";

const never = new AbortController().signal;

test("a clock that was set back between the plan and the wait is reported at once", async () => {
  const clock = new FakeClock("2026-01-01T12:00:00Z");
  const planned = { ...reading(clock), wall: clock.now() + 7_200_000 };
  expect(await untilTime(clock, planned.wall + 1000, never, planned)).toBe("set back");
  expect(clock.sleeping).toBe(0);
});

test("a time that has come needs no wait", async () => {
  const clock = new FakeClock("2026-01-01T12:00:00Z");
  expect(await untilTime(clock, clock.now(), never)).toBe("due");
});
