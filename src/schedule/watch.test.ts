import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../testing/fake-clock.ts";
import { systemClock } from "../clock.ts";
import { watchPaths } from "./watch.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tidemark-watch-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("looks when a file of the folder changes, and ends with its signal", async () => {
  const base = folder();
  const stop = new AbortController();
  const looked = Promise.withResolvers<void>();
  // A clock on which nothing but a change can end the long pause.
  const clock = {
    ...systemClock,
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      systemClock.sleep(milliseconds > 1000 ? 100_000 : 1, signal),
  };
  const watching = watchPaths([base], { clock, signal: stop.signal, look: async () => looked.resolve() });
  writeFileSync(join(base, "a.yaml"), "name: a\n");
  await looked.promise;
  stop.abort();
  await watching;
});

test("looks though the folder never comes to rest", async () => {
  const base = folder();
  const stop = new AbortController();
  const looked = Promise.withResolvers<void>();
  const clock = {
    ...systemClock,
    elapsed: () => systemClock.elapsed() * 10,
    sleep: (milliseconds: number, signal?: AbortSignal) => systemClock.sleep(milliseconds / 10, signal),
  };
  const look = async () => looked.resolve();
  const watching = watchPaths([base], { clock, signal: stop.signal, look });
  const writing = setInterval(() => writeFileSync(join(base, "a.yaml"), "name: a\n"), 2);
  await looked.promise;
  clearInterval(writing);
  stop.abort();
  await watching;
});

test("looks now and then where the system tells of no changes", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let looks = 0;
  const watching = watchPaths([join(folder(), "nowhere/a.yaml")], {
    clock,
    signal: stop.signal,
    look: async () => {
      looks += 1;
    },
  });
  await clock.advance(11_000);
  expect(looks).toBe(2);
  stop.abort();
  await watching;
});
