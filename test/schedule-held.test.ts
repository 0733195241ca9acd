import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { untilGone } from "../src/schedule/patience.ts";
import { ownerOf } from "../src/state/owner.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Machine, pipelineOf } from "./support/scheduling.ts";

const never = new AbortController().signal;

test("a process that dies on this machine is seen within 5 s, long before its lease ends", async () => {
  const clock = new FakeClock();
  let gone = false;
  let looks = 0;
  let woken = false;
  const isOwnerGone = (): boolean => {
    looks += 1;
    return gone;
  };
  const waiting = untilGone(clock, 30_000, isOwnerGone, never).then(() => {
    woken = true;
  });
  await clock.advance(12_000);
  expect([looks, woken]).toEqual([2, false]);
  gone = true;
  await clock.advance(3_000);
  expect([looks, woken]).toEqual([3, true]);
  await waiting;
});

test("a holder that lives is waited for as long as was planned", async () => {
  const clock = new FakeClock();
  const from = clock.elapsed();
  const waiting = untilGone(clock, 7_000, () => false, never);
  await clock.advance(7_000);
  await waiting;
  expect(clock.elapsed() - from).toBe(7_000);
});

test("the run of a process that was killed here is made up for within seconds, not when its lease ends", async () => {
  const machine = new Machine("2026-01-01T02:59:00Z");
  onTestFinished(() => machine.end());
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  await once(child, "spawn");
  const owner = ownerOf(child.pid ?? 0);
  await machine.state.begin(
    { connector: "acme", stream: "a" },
    { cursorType: "numeric_id", leaseSeconds: 3600, owner },
  );
  const waiting = machine.start([pipelineOf("a", "0 3 1 1 *")]);
  await machine.clock.advance(1_000);
  expect(waiting.told("held")).toHaveLength(1);
  child.kill("SIGKILL");
  await once(child, "exit");
  // The next look at the state is planned for 30 s after the first.
  await machine.clock.advance(5_000);
  expect(waiting.told("retrying")).toMatchObject([{ why: "died" }]);
});
