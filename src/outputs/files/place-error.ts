import { fileNameError, isFile, isFolder } from "../../file-names.ts";
import { asideOf } from "./committed-file.ts";
import { type FilePlace, filePlace, isTemplate, pathError } from "./path-template.ts";

/** Why the `path` of a `file` output cannot be written to at the moment; null where it can. */
export function placeError(path: string): string | null {
  const error = pathError(path) ?? fileNameError(path, "records.jsonl");
  if (error !== null) return error;
  const place = placeOf(path);
  return place === null ? null : companionFileError(place, isTemplate(path) ? null : asideOf(place.text));
}

/** The run reports links that form a circle. */
function placeOf(path: string): FilePlace | null {
  try {
    return filePlace(path);
  } catch {
    return null;
  }
}

/** The file's companions have fixed names, which other files may have. */
function companionFileError({ offsetsFolder }: FilePlace, aside: string | null): string | null {
  if (isFile(offsetsFolder)) {
    return `needs the folder ${offsetsFolder} for what is committed, and a file has that name; move it away, or write another path`;
  }
  if (aside === null || !isFolder(aside)) return null;
  return `needs the file ${aside} for lines that are not its own, and a folder has that name; move it away, or write another path`;
}
