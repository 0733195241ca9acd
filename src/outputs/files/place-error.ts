import { fileNameError, isFile, isFolder } from "../../file-names.ts";
import { asideOf } from "./committed-file.ts";
import { type FilePlace, filePlace, isTemplate, pathError } from "./path-template.ts";

/** Why nothing can be written to the `path` of a `file` output, as it stands now; null where nothing is wrong with it. */
export function placeError(path: string): string | null {
  const error = pathError(path) ?? fileNameError(path, "records.jsonl");
  if (error !== null) return error;
  const place = placeOf(path);
  return place === null ? null : companionFileError(place, isTemplate(path) ? null : asideOf(place.text));
}

/** Links that lead in a circle are told by the run. */
function placeOf(path: string): FilePlace | null {
  try {
    return filePlace(path);
  } catch {
    return null;
  }
}

/** What is kept beside the file has names of its own, which something else may have taken. */
function companionFileError({ offsetsFolder }: FilePlace, aside: string | null): string | null {
  if (isFile(offsetsFolder)) {
    return `needs the folder ${offsetsFolder} for what is committed, and a file has that name; move it away, or write another path`;
  }
  if (aside === null || !isFolder(aside)) return null;
  return `needs the file ${aside} for lines that are not its own, and a folder has that name; move it away, or write another path`;
}
