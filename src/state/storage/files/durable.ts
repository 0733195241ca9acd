import { renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../../../folders.ts";
import { modeInPlaceOf } from "../../../private-files.ts";
import { syncFolder } from "../../../sync-folder.ts";

/** Replaces the file's text atomically and durably. */
export function replaceFile(file: string, text: string): void {
  replaceFiles([[file, text]]);
}

/** Replaces each file atomically. All of them are durable when this returns. */
export function replaceFiles(files: readonly (readonly [file: string, text: string])[]): void {
  const folders = new Set<string>();
  for (const [file, text] of files) {
    const made = makeFolder(dirname(file));
    const draft = `${file}.${process.pid}.new`;
    writeFileSync(draft, text, { flush: true, mode: modeInPlaceOf(file) });
    renameSync(draft, file);
    let folder = dirname(file);
    folders.add(folder);
    // A folder that was made now is itself an entry of the one above it.
    while (made !== undefined && folder.length >= made.length) {
      folder = dirname(folder);
      folders.add(folder);
    }
  }
  for (const folder of folders) syncFolder(folder);
}
