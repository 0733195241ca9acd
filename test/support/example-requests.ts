import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Source, type SourceAnswer, type SourceRequest, startSource } from "./example-source.ts";

export const refused: SourceAnswer = { status: 401, json: '{"error":"no"}' };

/** A source for one test, closed with it. */
export async function serve(answer: (request: SourceRequest) => SourceAnswer): Promise<Source> {
  const source = await startSource(answer);
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source;
}

export function numberOf(request: SourceRequest, name: string): number {
  return Number(request.url.searchParams.get(name));
}

export async function linesOf(folder: string, file: string): Promise<unknown[]> {
  const text = await readFile(join(folder, file), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}
