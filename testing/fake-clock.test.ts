import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";

test("time stands still until it is moved", async () => {
  const clock = new FakeClock("2026-01-31T00:00:00Z");
  expect(clock.now()).toBe(Date.parse("2026-01-31T00:00:00Z"));
  await clock.advance(1500);
  expect(clock.now()).toBe(Date.parse("2026-01-31T00:00:01.500Z"));
  expect(clock.elapsed()).toBe(1500);
});

test("sleepers wake in the order of their times, each at its own", async () => {
  const clock = new FakeClock();
  const woken: [string, number][] = [];
  const sleep = async (name: string, milliseconds: number): Promise<void> => {
    await clock.sleep(milliseconds);
    woken.push([name, clock.elapsed()]);
  };
  const all = [sleep("late", 300), sleep("first", 100), sleep("second", 100), sleep("after", 301)];
  await clock.advance(300);
  expect(woken).toEqual([
    ["first", 100],
    ["second", 100],
    ["late", 300],
  ]);
  expect(clock.sleeping).toBe(1);
  await clock.advance(1);
  await Promise.all(all);
  expect(woken.at(-1)).toEqual(["after", 301]);
});

test("one that sleeps again wakes as often as the time allows", async () => {
  const clock = new FakeClock();
  const beats: number[] = [];
  const stop = new AbortController();
  const beating = (async () => {
    for (;;) {
      await clock.sleep(20, stop.signal);
      beats.push(clock.elapsed());
    }
  })();
  await clock.advance(70);
  expect(beats).toEqual([20, 40, 60]);
  stop.abort(new Error("enough"));
  await expect(beating).rejects.toThrow("enough");
  expect(clock.sleeping).toBe(0);
});

test("an aborted signal ends a sleep, and one aborted before lets none begin", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const sleeping = clock.sleep(10, stop.signal);
  stop.abort("over");
  await expect(sleeping).rejects.toBe("over");
  await expect(clock.sleep(10, stop.signal)).rejects.toBe("over");
  expect(clock.sleeping).toBe(0);
});

test("a test can wait until somebody sleeps", async () => {
  const clock = new FakeClock();
  let asleep = false;
  const waiting = clock.whenSleeping(2).then(() => {
    asleep = true;
  });
  const first = clock.sleep(5);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asleep).toBe(false);
  const second = clock.sleep(5);
  await waiting;
  await clock.advance(5);
  await Promise.all([first, second]);
});

test("time never goes back, also where what an advance wakes advances further itself", async () => {
  const clock = new FakeClock();
  const waking = (async () => {
    await clock.sleep(10);
    await clock.advance(100);
  })();
  const later = clock.sleep(15);
  const outer = clock.advance(20);
  await Promise.all([waking, later]);
  await outer;
  expect(clock.elapsed()).toBe(110);
});
