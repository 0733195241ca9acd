import { hash } from "node:crypto";
import { join } from "node:path";
import type { StreamKey } from "../../../model/stream-key.ts";

/** The stream of a pipeline that names none; its file has the connector's name alone. */
const unnamedStream = "default";

/** Longer names would not fit a file system's. */
const longestName = 150;

/**
 * Where a stream's files begin: `folder/<connector>` for the stream "default",
 * `folder/<connector>/<stream>` for others. What a file name cannot hold is percent-encoded.
 */
export function baseOf(folder: string, { connector, stream }: StreamKey): string {
  const first = fileName(connector);
  return stream === unnamedStream ? join(folder, first) : join(folder, first, fileName(stream));
}

/** A name as a file's: nothing in it means anything to a file system, and no tilde either. */
export function fileName(name: string): string {
  const safe = encodeURIComponent(name)
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^\.+/, (dots) => "%2E".repeat(dots.length));
  if (safe.length <= longestName) return safe;
  return `${safe.slice(0, longestName - 23)}-${hash("sha256", name, "base64url").slice(0, 22)}`;
}

/** Whether a file's name may be ambiguous for the name that it encodes. */
export function isShortened(file: string): boolean {
  return file.length >= longestName;
}
