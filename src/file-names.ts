import { type Stats, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";

/**
 * Why a path cannot be that of a file to write to, as it stands now; null where nothing is wrong with it. What cannot be
 * looked at is left to the run. `example` is the name of a file that the message proposes.
 */
export function fileNameError(path: string, example: string): string | null {
  const proposed = join(path, example);
  if (path.endsWith("/") || path.endsWith(sep)) {
    return `is a folder, since it ends in \`${path.at(-1)}\`; write the name of a file, such as \`${proposed}\``;
  }
  const whole = resolve(path);
  if (isFolder(whole)) {
    return `is the folder ${whole}; write the name of a file in it, such as \`${proposed}\``;
  }
  const file = fileOnTheWay(whole);
  return file === null
    ? null
    : `cannot be made, since ${file} is a file and no folder; write a path through folders only`;
}

/** As `fileNameError`, for the path of a folder to keep files in. */
export function folderNameError(path: string): string | null {
  const whole = resolve(path);
  const file = isFile(whole) ? whole : fileOnTheWay(whole);
  return file === null
    ? null
    : `cannot be a folder, since ${file} is a file; write a path through folders only`;
}

/** The part of a path that would have to be a folder, and is a file; null where there is none. */
function fileOnTheWay(path: string): string | null {
  let folder = dirname(path);
  while (statOf(folder) === null && folder !== dirname(folder)) folder = dirname(folder);
  return isFile(folder) ? folder : null;
}

export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

/** Whether something is there that is no folder. */
export function isFile(path: string): boolean {
  return statOf(path)?.isDirectory() === false;
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
