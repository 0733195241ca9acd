import type { CursorFormat } from "../model/timestamp.ts";

/** Texts that are not dates sort below the lower bound or above the upper one, so no read finds them. */
export function noIsoText(column: string, compared: string, kind: CursorFormat["kind"]): string | null {
  return kind === "iso8601" ? `(${column} <> '' AND ${compared} NOT LIKE '____-__-__%')` : null;
}

export function isEpoch(kind: CursorFormat["kind"]): boolean {
  return kind.startsWith("epoch");
}
