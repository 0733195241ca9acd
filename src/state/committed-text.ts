import { type CursorType, parseCursor } from "../model/cursor.ts";
import type { Position } from "../model/position.ts";

/**
 * The watermark as it was committed (promise P7): `2026-01-01T00:00:05.570Z`, `000123`. It is compared by
 * its canonical text, and callers are handed back what they wrote.
 */
export function committedText(type: CursorType | null, position: Position): string | null {
  const { watermark, watermarkText: text } = position;
  return watermark === null || text === undefined || canonicalOf(type, text) !== watermark ? watermark : text;
}

/** What a position keeps of a committer's text: nothing where it is the canonical one. */
export function keptText(watermark: string, text: string): Pick<Position, "watermarkText"> {
  return text === watermark ? {} : { watermarkText: text };
}

/** The position with its watermark in the text that was committed last; the same where it has it already. */
export function withText(position: Position, text: string): Position {
  const { watermark, watermarkText: old, ...rest } = position;
  const kept = watermark === null ? {} : keptText(watermark, text);
  return kept.watermarkText === old ? position : { watermark, ...kept, ...rest };
}

function canonicalOf(type: CursorType | null, text: string): string | null {
  try {
    return type === null ? null : parseCursor(type, text).value;
  } catch {
    return null;
  }
}
