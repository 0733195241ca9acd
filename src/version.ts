import { readFileSync } from "node:fs";

let known: string | undefined;

/** The package's version. */
export function version(): string {
  // By the package's own name: the built code does not lie where its source does.
  known ??= /"version":\s*"([^"]+)"/.exec(
    readFileSync(new URL(import.meta.resolve("tidemark/package.json")), "utf8"),
  )?.[1];
  return known ?? "unknown";
}

/** Below 0 where the first version is the older one; by their numbers alone. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const index of [0, 1, 2]) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return (/^\d+(?:\.\d+){0,2}/.exec(version)?.[0] ?? "0").split(".").map(Number);
}
