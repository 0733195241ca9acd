import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkPipelines, loadPipelines } from "./load.ts";

/** A pipeline file with these lines under its input, the first of them on line 5. */
function file(...lines: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-schedule-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "events.yaml");
  const input = ["type: httpPolling", "endpoint: http://127.0.0.1/events", ...lines];
  const head = "name: events\ninput:\n";
  writeFileSync(path, `${head}${input.map((line) => `  ${line}\n`).join("")}output: { type: console }\n`);
  return path;
}

async function found(...lines: string[]): Promise<string[]> {
  const diagnostics = await checkPipelines([file(...lines)]);
  return diagnostics.map(
    ({ line, column, severity, code, message }) => `${line}:${column} ${severity} ${code} ${message}`,
  );
}

test.each([
  ['schedule: "*/10 * * * *"', { expression: "*/10 * * * *", timezone: "UTC", jitterMs: 0 }],
  ["schedule: '@hourly'\n  jitter: 90s", { expression: "@hourly", timezone: "UTC", jitterMs: 90_000 }],
  [
    "schedule: 0 30 2 * * *\n  timezone: Europe/Berlin\n  jitter: PT5M",
    { expression: "0 30 2 * * *", timezone: "Europe/Berlin", jitterMs: 300_000 },
  ],
  ["method: GET", null],
])("%s", async (lines, schedule) => {
  const [pipeline] = await loadPipelines([file(lines)]);
  expect(pipeline?.schedule).toEqual(schedule);
});

test.each([
  [
    'schedule: "0 24 * * *"',
    "5:16 error VALUE_INVALID `input.schedule`: `24` cannot be the hour, which is 0 to 23",
  ],
  [
    "schedule: 10 *",
    "5:13 error VALUE_INVALID `input.schedule`: it has 2 fields; five are needed, or six with seconds first",
  ],
  ["jitter: 5s", "5:3 error CONFIG_INCOHERENT `jitter` means nothing without a `schedule`"],
  [
    "schedule: 0 0 30 2 *",
    "5:13 warning SCHEDULE_NEVER no such time ever comes, so the pipeline is never run",
  ],
])("%s is reported: %s", async (lines, expected) => {
  expect(await found(lines)).toEqual([expected]);
});

test.each(["jitter: soon", "jitter: 25h", "jitter: 5", "timezone: Europe/Nowhere"])(
  "%s is told",
  async (line) => {
    const [first, ...others] = await found('schedule: "@daily"', line);
    expect(first).toMatch(/^6:\d+ error VALUE_INVALID /);
    expect(others).toEqual([]);
  },
);
