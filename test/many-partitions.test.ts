import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { testFolder } from "./support/command.ts";
import { inLongRun } from "./support/long-run.ts";

const script = fileURLToPath(new URL("./support/many-partitions.ts", import.meta.url));

/** As `bin/tidemark` starts the command. */
const heap = ["--max-semi-space-size=8", "--heap-growing-percent=50"];

/** A process takes 140 MB before it has a partition: each may add the same in both runs. */
const [count, megabytes] = inLongRun([20_000, 180], [100_000, 300]);

test(`P13: ${count} partitions are read, and read again, in less than ${megabytes} MB`, async () => {
  const child = spawn(process.execPath, [...heap, script, testFolder(), String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  for await (const text of child.stdout.setEncoding("utf8")) printed += String(text);
  const told: unknown = JSON.parse(printed);
  expect(told).toMatchObject({ first: count, second: 0, megabytes: expect.any(Number) });
  expect(told).toEqual(expect.objectContaining({ megabytes: expect.toSatisfy((used) => used < megabytes) }));
});
