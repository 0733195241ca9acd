import type { CursorFormat } from "../model/timestamp.ts";

/** Texts that are no date lie below the bound, or above the window's end: none of the two ever finds them. */
export function noIsoText(column: string, compared: string, kind: CursorFormat["kind"]): string | null {
  return kind === "iso8601" ? `(${column} <> '' AND ${compared} NOT LIKE '____-__-__%')` : null;
}

export function isEpoch(kind: CursorFormat["kind"]): boolean {
  return kind.startsWith("epoch");
}
