import { basename, dirname, join, relative, resolve } from "node:path";
import { nearest } from "../../model/nearest.ts";
import { offsetAt } from "../../model/time-zone.ts";
import { realPath } from "./real-path.ts";

/** The placeholders of a path: parts of the time at which a run begins. */
const placeholders = {
  year: 4,
  month: 7,
  date: 10,
  hour: 13,
} as const;

type Placeholder = keyof typeof placeholders;

const pattern = /\{\{([^{}]*)\}\}/g;

/** Whether the path names a series of files instead of a single one. */
export function isTemplate(path: string): boolean {
  return path.includes("{{");
}

/** What is wrong with the placeholders of a path; null if they are valid. */
export function pathError(path: string): string | null {
  for (const [text, name = ""] of path.matchAll(pattern)) {
    if (isPlaceholder(name.trim())) continue;
    const names = Object.keys(placeholders);
    const near = nearest(name.trim(), names);
    return `holds ${text}, which means nothing in a path; ${near === undefined ? `it may hold ${names.map(shown).join(", ")}` : `did you mean ${shown(near)}?`}`;
  }
  const rest = path.replaceAll(pattern, "");
  return rest.includes("{{") || rest.includes("}}") ? "has a placeholder that is not closed" : null;
}

/** One file, or a series of them, and the place of its sink offsets. */
export interface FilePlace {
  /** Identifies the place in every run: the file's own path, or the template of a series. */
  readonly text: string;
  /** The file for a run that begins at this time, in milliseconds since 1970. */
  fileAt(time: number): string;
  /** The folder of the sink offsets. */
  readonly offsetsFolder: string;
  /** The name of a file in the sink offsets; a single file's is empty, so that both may be renamed. */
  nameOf(file: string): string;
  /** The path of a file by its name. */
  fileOf(name: string): string;
}

/** The place that a path means: absolute, through links. */
export function filePlace(path: string, timezone = "UTC"): FilePlace {
  if (!isTemplate(path)) return singlePlace(realPath(resolve(path)));
  const text = resolve(path).replaceAll(pattern, (_, name: string) => shown(name.trim()));
  const folder = offsetsOfSeries(text);
  const base = dirname(folder);
  return {
    text,
    offsetsFolder: folder,
    fileAt: (time) => text.replaceAll(pattern, (_, name: string) => partOf(time, timezone, name.trim())),
    nameOf: (file) => relative(base, file),
    fileOf: (name) => resolve(base, name),
  };
}

function singlePlace(file: string): FilePlace {
  return {
    text: file,
    offsetsFolder: `${file}.tidemark`,
    fileAt: () => file,
    nameOf: () => "",
    fileOf: () => file,
  };
}

/**
 * Next to the first part of the path that changes: `out/orders-{{ date }}.csv` has `out/orders-{date}.csv.tidemark`.
 */
function offsetsOfSeries(text: string): string {
  let folder = dirname(text);
  while (isTemplate(folder)) folder = dirname(folder);
  const name = relative(folder, text)
    .replaceAll(pattern, (_, part: string) => `{${part.trim()}}`)
    .replaceAll(/[\\/]/g, "-");
  return join(folder, `${basename(name)}.tidemark`);
}

function isPlaceholder(name: string): name is Placeholder {
  return Object.hasOwn(placeholders, name);
}

function shown(name: string): string {
  return `{{ ${name} }}`;
}

/** `2026-11-30T14` and what it begins with: no colons, which some file systems refuse. */
function partOf(time: number, timezone: string, name: string): string {
  const local = time + offsetAt(Math.floor(time / 1000), timezone) * 1000;
  const text = new Date(local).toISOString();
  return text.slice(0, isPlaceholder(name) ? placeholders[name] : text.length);
}
