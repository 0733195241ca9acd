import type { CursorRole, Slices } from "../engine/ports.ts";
import { formatPrecision, parsePrecision, precisionNanoseconds } from "../model/precision.ts";
import { parseSliceStep, type SliceStep } from "../model/slices.ts";
import { parseCursorFormat } from "../model/timestamp.ts";
import { precisionOfFormat } from "./format-precision.ts";
import type { StatePersistence } from "./state-persistence-keys.ts";

/** The declared slices in the engine's form. */
export function slicesOf({ slices }: StatePersistence): Slices | null {
  if (slices === undefined) return null;
  const { step, clamp, concurrency } = slices;
  return { step: parseSliceStep(String(step)), clamp: clamp ?? null, concurrency };
}

type AddIssue = (path: string[], message: string) => void;

/**
 * Adds issues for slices that cannot be cut, requested or tracked. `unbounded` is the message if the input cannot be
 * asked for records up to a bound; null where it can.
 */
export function validateSlices(
  persistence: StatePersistence,
  leading: CursorRole | null,
  unbounded: string | null,
  addIssue: AddIssue,
): void {
  const { slices, onNullCursor } = persistence;
  if (slices === undefined) return;
  const step = unlessUnreadable(() => parseSliceStep(String(slices.step)));
  if (step === null) return;
  if (unbounded !== null) addIssue(["slices"], unbounded);
  if (leading !== "timestamp" && !(leading === "id" && persistence.id?.type === "numeric")) {
    addIssue(["slices"], "needs an enabled `timestamp`, or a numeric `id`, whose values it cuts");
    return;
  }
  if (leading === "timestamp" && step.unit === "number") {
    addIssue(["slices", "step"], "needs a length of time, as `P1D`, since a timestamp leads");
  }
  if (leading === "id" && step.unit !== "number") {
    addIssue(["slices", "step"], "needs a plain number, as `1000`, since an id leads");
  }
  if (leading === "id" && slices.clamp !== undefined) {
    addIssue(["slices", "clamp"], "only goes with a `timestamp`: ids have no days");
  }
  if (leading === "timestamp" && persistence.id?.enabled) {
    addIssue(
      ["id"],
      "cannot go along with a `timestamp` that is read in slices: the highest id of one slice would keep back records of another; leave it out",
    );
  }
  if (onNullCursor === "deliver") {
    addIssue(
      ["onNullCursor"],
      "cannot be `deliver` with `slices`: a record without a cursor belongs to none of them; write `fail` or `skip`",
    );
  }
  if (leading === "timestamp") validateBoundFormat(persistence, step, addIssue);
}

/** If a bound cannot be written with full precision, the source returns another slice than the one that was cut. */
function validateBoundFormat(persistence: StatePersistence, step: SliceStep, addIssue: AddIssue): void {
  const coarsest = coarsestFormat(persistence);
  if (coarsest === null) return;
  const { name, text, nanoseconds } = coarsest;
  const least = formatPrecision({ unit: "time", nanoseconds });
  if (step.unit === "time" && step.nanoseconds < nanoseconds) {
    addIssue(["slices", "step"], `is finer than \`${name}: ${text}\` can say; the least is \`${least}\``);
  }
  const declared = persistence.timestamp?.granularity;
  const precision = declared === undefined ? null : unlessUnreadable(() => parsePrecision(declared));
  if (precision?.unit === "time" && precision.nanoseconds < nanoseconds) {
    addIssue(
      ["timestamp", "granularity"],
      `is finer than \`${name}: ${text}\` can say, so slices would never meet; write \`${least}\``,
    );
  }
}

/** The coarsest of the formats in which timestamps are read and sent. */
function coarsestFormat({
  timestamp,
  until,
}: StatePersistence): { name: string; text: string; nanoseconds: bigint } | null {
  const formats = [
    { name: "format", text: timestamp?.format ?? "iso8601" },
    { name: "queryFormat", text: timestamp?.queryFormat },
    { name: "until.format", text: until?.format },
  ];
  return formats.reduce<ReturnType<typeof coarsestFormat>>((coarsest, { name, text }) => {
    if (text === undefined) return coarsest;
    const precision = unlessUnreadable(() => precisionOfFormat(parseCursorFormat(text, "UTC")));
    if (precision === null) return coarsest;
    const nanoseconds = precisionNanoseconds(precision);
    return coarsest !== null && coarsest.nanoseconds >= nanoseconds ? coarsest : { name, text, nanoseconds };
  }, null);
}

/** Null for a text that cannot be parsed, which has an issue of its own. */
function unlessUnreadable<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
