import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { withOtherProcess } from "../testing/state-suite/other-process.ts";
import { isOwnerGone, leaseOwnerSchema, processOwner } from "./owner.ts";

test("a process knows itself, the same each time", () => {
  const owner = processOwner();
  expect(owner.pid).toBe(process.pid);
  expect(owner.host).toContain(hostname());
  expect(processOwner()).toEqual(owner);
  expect(leaseOwnerSchema.parse(JSON.parse(JSON.stringify(owner)))).toEqual(owner);
});

test("this process is not gone", () => {
  expect(isOwnerGone(processOwner())).toBe(false);
});

test("two processes of one machine agree on it and differ in themselves", async () => {
  await withOtherProcess(async ({ owner }) => {
    const here = processOwner();
    expect(owner.host).toBe(here.host);
    expect(owner.boot).toBe(here.boot);
    expect(owner.pid).not.toBe(here.pid);
  });
});

test("another process is gone once it was killed, and not before", async () => {
  await withOtherProcess(async ({ owner, kill }) => {
    expect(isOwnerGone(owner)).toBe(false);
    await kill();
    expect(isOwnerGone(owner)).toBe(true);
  });
});

test("a process that lives under a number used before is not the one that is gone", async () => {
  await withOtherProcess(async ({ owner }) => {
    expect(isOwnerGone({ ...owner, startedAt: "1" })).toBe(true);
    expect(isOwnerGone({ ...processOwner(), startedAt: "1" })).toBe(true);
  });
});

test("where a start is untold, a living process counts as the one", async () => {
  await withOtherProcess(async ({ owner, kill }) => {
    expect(isOwnerGone({ ...owner, startedAt: "unknown" })).toBe(false);
    await kill();
    expect(isOwnerGone({ ...owner, startedAt: "unknown" })).toBe(true);
  });
});

test("of a process on another machine nothing is known", async () => {
  await withOtherProcess(async ({ owner, kill }) => {
    await kill();
    expect(isOwnerGone({ ...owner, host: "elsewhere" })).toBe(false);
    expect(isOwnerGone({ ...owner, host: "elsewhere", boot: "another" })).toBe(false);
  });
});

test("a process of an earlier boot is gone where the machine can be told from others of its name", () => {
  const numbered = existsSync("/etc/machine-id") && readFileSync("/etc/machine-id", "utf8").trim() !== "";
  expect(isOwnerGone({ ...processOwner(), boot: "another" })).toBe(numbered);
});
