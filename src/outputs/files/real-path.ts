import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, TidemarkError } from "../../errors.ts";

/** How many links may follow one another; systems stop at about as many. */
const mostLinks = 40;

/**
 * The path after resolving all links, also for a file that does not exist yet: a link to a future file resolves to that
 * file. Throws `OUTPUT_FAILED` for links that form a circle.
 */
export function realPath(path: string): string {
  let at = path;
  for (let links = 0; links <= mostLinks; links++) {
    const target = linkTarget(at);
    if (target === null) return inRealFolder(at);
    at = resolve(inRealFolder(dirname(at)), target);
  }
  throw new TidemarkError("OUTPUT_FAILED", `${path} is a link that leads in a circle`, {
    hint: "Point the link at the file to write to, or give the file's own path.",
  });
}

/** The target of a link; null for anything else. */
function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw new TidemarkError("OUTPUT_FAILED", `${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** The path with the links of existing folders resolved. */
function inRealFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const folder = dirname(path);
    if (!isMissing(error)) {
      throw new TidemarkError("OUTPUT_FAILED", `${path}: ${messageOf(error)}`, { cause: error });
    }
    return folder === path ? path : join(inRealFolder(folder), basename(path));
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
