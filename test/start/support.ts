import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipelineYaml, type SourceServer } from "../cli/source-server.ts";
import { type Started, startProcess } from "../cli/support.ts";
import { builtCommand } from "../support/built-command.ts";

/** `tidemark start`, as a test follows it. */
export interface Running extends Started {
  /** Resolves with the first line, from now on or before, that has all of these fields. */
  line(fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** The lines so far. */
  readonly lines: readonly Record<string, unknown>[];
}

/** Starts the real command, as it is built unless told otherwise. */
export function startSchedules(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  [program, ...words]: readonly [string, ...string[]] = builtCommand,
): Running {
  const started = startProcess(program, [...words, "start", ...args], { cwd, env });
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  started.child.stderr?.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.filter((part) => part.startsWith("{")).map((part) => JSON.parse(part)));
    for (const look of waiting) look();
  });
  const line = (fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((candidate) => matches(candidate, fields));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      const told = () =>
        new Error(`it ended without the line ${JSON.stringify(fields)}:\n${JSON.stringify(lines)}`);
      started.ended.then(() => reject(told()), reject);
    });
  return { ...started, line, lines };
}

function matches(line: Record<string, unknown>, fields: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(fields).every(([name, value]) =>
    value instanceof RegExp ? value.test(String(line[name])) : line[name] === value,
  );
}

/** A pipeline that reads such a source as `test/cli/source-server.ts` has, every second unless told otherwise. */
export function scheduledYaml(
  name: string,
  endpoint: string,
  output: string,
  schedule = "* * * * * *",
): string {
  return pipelineYaml(name, endpoint, output).replace("input:\n", `input:\n  schedule: "${schedule}"\n`);
}

export function toFile(name: string): string {
  return `{ type: file, path: ./${name}.jsonl }`;
}

/** The ids of the records that were written to such a file. */
export function idsIn(cwd: string, name: string): unknown[] {
  const path = join(cwd, `${name}.jsonl`);
  if (!existsSync(path)) return [];
  const rows = readFileSync(path, "utf8")
    .split("\n")
    .filter((row) => row !== "");
  return rows.map((row) => JSON.parse(row).id);
}

/** Keeps the first request for a page from ever being answered. Resolves when it has come. */
export function holdPage(source: SourceServer, page: number): Promise<void> {
  const asked = Promise.withResolvers<void>();
  let held = false;
  source.intercept = (_, response, url) => {
    if (held || url.searchParams.get("page") !== String(page)) return false;
    held = true;
    response.on("close", () => response.destroy());
    asked.resolve();
    return true;
  };
  return asked.promise;
}
