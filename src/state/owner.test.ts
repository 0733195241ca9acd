import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { withOtherProcess } from "../../testing/state-suite/other-process.ts";
import { isOwnerGone, leaseOwnerSchema, ownerOf, processOwner } from "./owner.ts";

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

test("what a process says of itself is what another of the machine knows of it", async () => {
  const program = `
    import { processOwner } from ${JSON.stringify(new URL("./owner.ts", import.meta.url).href)};
    console.log(JSON.stringify(processOwner()));
    process.stdin.resume();
  `;
  const other = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(other.stdout), "line");
  const told = leaseOwnerSchema.parse(JSON.parse(String(line)));
  expect(told).toEqual(ownerOf(other.pid ?? 0));
  expect({ ...told, pid: 0, startedAt: "" }).toEqual({ ...processOwner(), pid: 0, startedAt: "" });
  other.stdin.end();
  await once(other, "exit");
  expect(isOwnerGone(told)).toBe(true);
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

test("where a start is unknown, a living process counts as the one", async () => {
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

test("a process of an earlier boot is gone where the machine can be distinguished from others of its name", () => {
  const numbered = existsSync("/etc/machine-id") && readFileSync("/etc/machine-id", "utf8").trim() !== "";
  expect(isOwnerGone({ ...processOwner(), boot: "another" })).toBe(numbered);
});
