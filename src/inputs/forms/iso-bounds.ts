import { isTidemarkError } from "../../errors.ts";
import { compareCursorValues, floorCursor, stepCursor } from "../../model/cursor.ts";
import { type Precision, parsePrecision } from "../../model/precision.ts";
import { compareTexts } from "../../model/text-order.ts";
import {
  type CursorFormat,
  formatLowerBound,
  formatTimestamp,
  isoFormat,
  parseTimestamp,
} from "../../model/timestamp.ts";
import { type TimestampForm, timestampForm } from "../../model/timestamp-form.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import { withEarlierOffsets, withLaterOffsets } from "./seasonal-offsets.ts";

/** A lower bound as text. */
export interface LowerText {
  readonly text: string;
  /** The time that the text means. */
  readonly says: string;
  /** The lowest cursor that a source may return, whether it compares times or texts. */
  readonly reach: string;
}

/** Forms that differ in nothing but their digits and the letters of one offset: their texts sort by time. */
interface Group {
  readonly separator: string;
  readonly timezone: string;
  readonly finest: TimestampForm;
  readonly coarsest: TimestampForm;
  readonly isMixed: boolean;
  /** Whether records had one of the forms; otherwise it is one that they may have after summer time begins or ends. */
  readonly isSeen: boolean;
}

interface LowerParts {
  /** Every record from here on must be returned. */
  readonly value: string;
  /** The value, or where the source compares strictly, one step below it. */
  readonly lowered: string;
  /** The names of the forms that records have. */
  readonly forms: readonly string[];
  /** The zone of texts without an offset. */
  readonly timezone: string;
  /** Whether the bound has moved within a read: see `BoundForm`. */
  readonly hasMoved?: boolean | undefined;
}

/**
 * An ISO 8601 lower bound with no record from `value` on below it, also where the source compares texts. It is computed
 * for each form seen, and the lowest is sent. Texts of one form sort by time, so there the bound is exact. Where the
 * number of digits varies, it is one step of the finest digits lower: that differs from every later text in a digit
 * that both have.
 */
export function isoLowerText({ value, lowered, forms, timezone, hasMoved }: LowerParts): LowerText {
  const groups = groupsOf(forms, timezone, hasMoved ? asSeen : withEarlierOffsets);
  if (groups.length === 0) return lowerOfUnknownForm(value);
  const isExact = compareCursorValues("timestamp_utc", lowered, value) === 0;
  let best: { readonly text: string; readonly group: Group } | null = null;
  for (const group of groups) {
    const target = isExact && !group.isMixed ? value : lower(lowered, stepBelow(value, group.finest));
    const text = written(target, group.finest.format, formatLowerBound);
    if (best === null || compareTexts(text, best.text) < 0) best = { text, group };
  }
  if (best === null) return lowerOfUnknownForm(value);
  const says = moment(best.text, best.group.timezone);
  let reach = says;
  for (const group of groups) reach = lower(reach, reachIn(group, best.text, best.group));
  return { text: best.text, says, reach };
}

/** One step of the form below the value. */
function stepBelow(value: string, form: TimestampForm): string {
  const step = stepOf(form);
  return stepCursor("timestamp_utc", floorCursor("timestamp_utc", value, step), step, -1);
}

/** The earliest time whose text, in a form of the group, may sort after the bound. */
function reachIn(group: Group, text: string, of: Group): string {
  const says = moment(text, of.timezone);
  if (group === of && !group.isMixed) return says;
  if (group === of) return floorCursor("timestamp_utc", says, stepOf(group.coarsest));
  const isDate = group.separator !== of.separator || of.separator === "";
  const wall = text.slice(0, isDate ? 10 : of.finest.step > second ? 16 : 19);
  const local = moment(wall, group.timezone);
  return floorCursor("timestamp_utc", lower(local, says), stepOf(group.coarsest));
}

/**
 * The form of the source's times is unknown. The evening of the day before sorts before every text of the value,
 * whatever separator, digits and offset it has.
 */
function lowerOfUnknownForm(value: string): LowerText {
  const day = floorCursor("timestamp_utc", stepCursor("timestamp_utc", value, farthestWest, -1), oneDay);
  const says = stepCursor("timestamp_utc", day, oneSecond, -1);
  const reach = stepCursor("timestamp_utc", stepCursor("timestamp_utc", day, oneDay, -1), farthestEast, -1);
  return { text: says, says, reach };
}

interface UpperParts {
  /** Every record up to here must be returned. */
  readonly value: string;
  /** The value, or where the source compares strictly, one step above it. */
  readonly raised: string;
  readonly forms: readonly string[];
  readonly timezone: string;
}

/**
 * An ISO 8601 upper bound with no record up to `value` above it, also where the source compares texts. Where the number
 * of digits varies it is the next whole second: `…05Z` sorts after `…05.999Z`, and before `…06`.
 */
export function isoUpperText({ value, raised, forms, timezone }: UpperParts): string {
  const groups = groupsOf(forms, timezone, withLaterOffsets);
  if (groups.length === 0) {
    const east = stepCursor("timestamp_utc", value, farthestEast, 1);
    return stepCursor("timestamp_utc", floorCursor("timestamp_utc", east, oneDay), oneDay, 1);
  }
  let best: string | null = null;
  for (const group of groups) {
    const step = atLeastSecond(stepOf(group.coarsest));
    const above = stepCursor("timestamp_utc", floorCursor("timestamp_utc", value, step), step, 1);
    const isAbove =
      (group.isMixed || !group.isSeen) && compareCursorValues("timestamp_utc", above, raised) > 0;
    const text = written(isAbove ? above : raised, group.finest.format, formatUpperBound);
    if (best === null || compareTexts(text, best) > 0) best = text;
  }
  return best ?? raised;
}

type Widened = (forms: readonly string[]) => readonly string[];

const asSeen: Widened = (forms) => forms;

/** A cache: a run needs the same groups for every page. The groups of the last few streams are kept. */
const knownGroups = new Map<Widened, Map<string, readonly Group[]>>();
const mostKnown = 100;

/** The groups of the forms that were seen, and of the forms that `widened` derives from them. */
function groupsOf(seen: readonly string[], timezone: string, widened: Widened): readonly Group[] {
  const known = knownGroups.get(widened) ?? new Map<string, readonly Group[]>();
  const key = `${timezone}\n${seen.join("\n")}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const groups = newGroups(widened(seen), timezone, seen);
  if (known.size >= mostKnown) known.clear();
  known.set(key, groups);
  knownGroups.set(widened, known);
  return groups;
}

function newGroups(names: readonly string[], timezone: string, seen: readonly string[]): Group[] {
  const groups = new Map<string, TimestampForm[]>();
  const seenKeys = new Set<string>();
  for (const name of names) {
    const form = timestampForm(name, timezone);
    if (form === null) continue;
    const key = `${form.separator} ${form.zone ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), form]);
    if (seen.includes(name)) seenKeys.add(key);
  }
  return [...groups].flatMap(([key, forms]) => {
    const [finest] = forms.toSorted((a, b) => Number(a.step - b.step));
    const [coarsest] = forms.toSorted((a, b) => Number(b.step - a.step));
    if (finest === undefined || coarsest === undefined) return [];
    const { separator, format } = finest;
    const isSeen = seenKeys.has(key);
    return [{ separator, timezone: format.timezone, finest, coarsest, isMixed: forms.length > 1, isSeen }];
  });
}

/** A year that the form cannot express is sent unchanged. */
function written(
  value: string,
  format: CursorFormat,
  write: (value: string, format: CursorFormat) => string,
): string {
  try {
    return write(value, format);
  } catch (error) {
    if (isTidemarkError(error, "CURSOR_INVALID")) return formatTimestamp(value, isoFormat);
    throw error;
  }
}

function moment(text: string, timezone: string): string {
  return parseTimestamp(text, { kind: "iso8601", timezone });
}

function lower(a: string, b: string): string {
  return compareCursorValues("timestamp_utc", a, b) <= 0 ? a : b;
}

const second = 1_000_000_000n;
const stepOf = ({ step }: TimestampForm): Precision => ({ unit: "time", nanoseconds: step });
const oneSecond = parsePrecision("1s");
const oneDay = parsePrecision("1d");
/** Local times run from 12 hours behind UTC to 14 ahead of it. */
const farthestWest = parsePrecision("12h");
const farthestEast = parsePrecision("14h");

function atLeastSecond(step: Precision): Precision {
  return step.unit === "time" && step.nanoseconds < second ? oneSecond : step;
}
