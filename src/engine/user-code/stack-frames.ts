import { fileURLToPath } from "node:url";
import type { SourceLocation } from "../../errors.ts";

/**
 * Where in a file something was thrown, by its stack: the innermost frame in that file. The file alone where the stack
 * has no such frame, for example for a thrown value that is not an error.
 */
export function placeInFile(thrown: unknown, file: string): SourceLocation {
  for (const frame of framesOf(thrown)) if (frame.file === file) return frame;
  return { file };
}

interface Frame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The frames of a stack that name a file, innermost first. */
export function framesOf(thrown: unknown): readonly Frame[] {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (typeof stack !== "string") return [];
  return stack.split("\n").flatMap((text) => {
    const [, file, line, column] = frameForm.exec(text) ?? [];
    if (file === undefined) return [];
    return [{ file: pathOf(file), line: Number(line), column: Number(column) }];
  });
}

/** `at name (file:///a/b.ts:1:2)`, `at file:///a/b.ts:1:2`, `at /a/b.cjs:1:2`. */
const frameForm = /^\s+at (?:.*?\()?(file:\/\/[^\s)]+|\/[^\s)]+):(\d+):(\d+)\)?$/;

function pathOf(file: string): string {
  // Query strings that loaders add name the same file.
  return file.startsWith("file://") ? fileURLToPath(file.replace(/[?#].*$/, "")) : file;
}
