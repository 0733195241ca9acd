/** Local times on Earth run from 12 hours behind UTC to 14 hours ahead of it, in minutes. */
const farthestWest = -12 * 60;
const farthestEast = 14 * 60;

const offsetAtEnd = /([+-])(\d\d)(?:(:?)(\d\d))?(?:\[[^[\]]*\])*$/;

/**
 * The forms of texts with an offset, and the forms that they may have once summer time ends: the offset is an hour
 * less. A source that compares texts puts `02:10+01:00` before `02:30+02:00`, although it is later. A zero offset is
 * taken for UTC, which has no summer time.
 */
export function withEarlierOffsets(names: readonly string[]): readonly string[] {
  return [...new Set([...names, ...names.flatMap((name) => shifted(name, -60))])];
}

/** As `withEarlierOffsets`, once summer time begins: with an offset of an hour more. A winter may have a zero offset. */
export function withLaterOffsets(names: readonly string[]): readonly string[] {
  return [...new Set([...names, ...names.flatMap((name) => shifted(name, 60))])];
}

/** Forms with a zone's name in brackets are left out: the zone may not have that offset at the time. */
function shifted(name: string, by: -60 | 60): string[] {
  const match = offsetAtEnd.exec(name);
  if (match === null) return [];
  const [, sign, hours, colon = "", minutes] = match;
  const offset = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0));
  const other = offset + by;
  if (other < farthestWest || other > farthestEast || (offset === 0 && by < 0)) return [];
  const [h = "", m = ""] = [Math.trunc(Math.abs(other) / 60), Math.abs(other) % 60].map((part) =>
    String(part).padStart(2, "0"),
  );
  const before = name.slice(0, match.index);
  const text = `${other < 0 ? "-" : "+"}${h}${minutes === undefined ? "" : colon + m}`;
  // Many sources write a zero offset as `Z`, which sorts after digits.
  return other === 0 && by > 0 ? [before + text, `${before}Z`] : [before + text];
}
