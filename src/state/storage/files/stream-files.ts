import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareStreamKeys, type StreamKey } from "../../../model/stream-key.ts";
import { keyOfDocument } from "./document.ts";

/** The files of streams, by their paths inside the folder; not those of partitions, of which there may be many. */
export function stateFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const isState = (name: string): boolean => name.endsWith(".json");
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return isState(entry.name) ? [entry.name] : [];
    if (entry.name.includes("~")) return [];
    const within = readdirSync(join(folder, entry.name), { withFileTypes: true });
    return within.flatMap(({ name }) => (isState(name) ? [join(entry.name, name)] : []));
  });
}

/** The stream that a seed written by hand is of, by its file's name. */
export function seedKey(name: string): StreamKey {
  const [connector = "", stream] = name.slice(0, -".json".length).split(/[\\/]/).map(decodeURIComponent);
  return { connector, stream: stream ?? "default" };
}

/** Every stream with a file, in the order of connector and stream. */
export function keysIn(folder: string): StreamKey[] {
  return stateFiles(folder)
    .flatMap((name) => keyOfDocument(readFileSync(join(folder, name), "utf8")) ?? seedKey(name))
    .sort(compareStreamKeys);
}

export function wholeLines(file: string): number {
  return readFileSync(file).lastIndexOf("\n") + 1;
}
