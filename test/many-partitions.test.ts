import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { testFolder } from "./support/command.ts";

const script = fileURLToPath(new URL("./support/many-partitions.ts", import.meta.url));

/** As `bin/tidemark` starts the command. */
const heap = ["--max-semi-space-size=8", "--heap-growing-percent=50"];

test("P13: 100,000 partitions are read, and read again, in less than 300 MB", async () => {
  const child = spawn(process.execPath, [...heap, script, testFolder(), "100000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  for await (const text of child.stdout.setEncoding("utf8")) printed += String(text);
  const told: unknown = JSON.parse(printed);
  expect(told).toMatchObject({ first: 100_000, second: 0, megabytes: expect.any(Number) });
  expect(told).toEqual(expect.objectContaining({ megabytes: expect.toSatisfy((used) => used < 300) }));
});
