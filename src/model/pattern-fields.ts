import { daysSince1970, two, type WallTime } from "./calendar.ts";

/** What has been read so far; the offset is in seconds. */
export type Reading = { -readonly [Field in keyof WallTime]: number } & {
  offset?: number;
  afternoon?: boolean;
};

/** One field of a date pattern. */
export interface PatternField {
  readonly letters: string;
  /** Which unit it says, so that a pattern can be checked for units said twice or missing. */
  readonly sets: string;
  /** Reads the field into `into` and returns where it ends; below 0 where it does not fit. */
  read(text: string, at: number, into: Reading): number;
  write(wall: WallTime, offset: number): string;
}

/** The field that letters of one kind stand for; undefined where there is none. */
export function fieldOf(letters: string): PatternField | undefined {
  if (/^S{1,9}$/.test(letters)) return fraction(letters);
  return fields.get(letters);
}

const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const firstLetters = (names: readonly string[]): string[] => names.map((name) => name.slice(0, 3));

const fields: ReadonlyMap<string, PatternField> = new Map(
  [
    year("yyyy", 4),
    year("yy", 2),
    name("MMMM", months),
    name("MMM", firstLetters(months)),
    weekday("EEEE", weekdays),
    ...["EEE", "EE", "E"].map((letters) => weekday(letters, firstLetters(weekdays))),
    ...number("M", "month", (wall) => wall.month),
    ...number("d", "day", (wall) => wall.day),
    ...number("H", "hour", (wall) => wall.hour),
    ...number("h", "hour12", (wall) => wall.hour % 12 || 12),
    ...number("m", "minute", (wall) => wall.minute),
    ...number("s", "second", (wall) => wall.second),
    half(),
    offset("X", { colon: false, zulu: true, short: true }),
    offset("XX", { colon: false, zulu: true, short: false }),
    offset("XXX", { colon: true, zulu: true, short: false }),
    offset("x", { colon: false, zulu: false, short: true }),
    offset("xx", { colon: false, zulu: false, short: false }),
    offset("xxx", { colon: true, zulu: false, short: false }),
    offset("Z", { colon: false, zulu: false, short: false }),
  ].map((field) => [field.letters, field]),
);

/** How many digits stand at a place, up to a number of them. */
function digitsAt(text: string, at: number, most: number): number {
  let count = 0;
  while (count < most) {
    const code = text.charCodeAt(at + count);
    if (!(code >= 48 && code <= 57)) break;
    count++;
  }
  return count;
}

/** Two-digit years are those of 1969 to 2068, as POSIX reads them. */
function year(letters: string, width: number): PatternField {
  return {
    letters,
    sets: "year",
    read(text, at, into) {
      if (digitsAt(text, at, width) < width) return -1;
      const value = Number(text.slice(at, at + width));
      into.year = width === 4 ? value : value + (value < 69 ? 2000 : 1900);
      return at + width;
    },
    write: (wall) => (width === 4 ? String(wall.year).padStart(4, "0") : two(wall.year % 100)),
  };
}

/** The letter once (one or two digits) and twice (two digits). */
function number(
  letter: string,
  sets: "month" | "day" | "hour" | "hour12" | "minute" | "second",
  get: (wall: WallTime) => number,
): PatternField[] {
  const target = sets === "hour12" ? "hour" : sets;
  return [1, 2].map((width) => ({
    letters: letter.repeat(width),
    sets,
    read(text, at, into) {
      const count = digitsAt(text, at, 2);
      if (count < width) return -1;
      const value = Number(text.slice(at, at + count));
      if (sets === "hour12" && (value < 1 || value > 12)) return -1;
      into[target] = value;
      return at + count;
    },
    write: (wall) => (width === 2 ? two(get(wall)) : String(get(wall))),
  }));
}

function fraction(letters: string): PatternField {
  const width = letters.length;
  return {
    letters,
    sets: "fraction",
    read(text, at, into) {
      if (digitsAt(text, at, width) < width) return -1;
      into.nanosecond = Number(text.slice(at, at + width).padEnd(9, "0"));
      return at + width;
    },
    write: (wall) => String(wall.nanosecond).padStart(9, "0").slice(0, width),
  };
}

function indexOfName(names: readonly string[], text: string, at: number): number {
  return names.findIndex((name) => text.slice(at, at + name.length).toLowerCase() === name.toLowerCase());
}

function name(letters: string, names: readonly string[]): PatternField {
  return {
    letters,
    sets: "month",
    read(text, at, into) {
      const index = indexOfName(names, text, at);
      if (index < 0) return -1;
      into.month = index + 1;
      return at + (names[index]?.length ?? 0);
    },
    write: (wall) => names[wall.month - 1] ?? "",
  };
}

/** Read and not compared with the date, which says the day by itself. */
function weekday(letters: string, names: readonly string[]): PatternField {
  return {
    letters,
    sets: "weekday",
    read(text, at) {
      const index = indexOfName(names, text, at);
      return index < 0 ? -1 : at + (names[index]?.length ?? 0);
    },
    write(wall) {
      const days = daysSince1970(wall.year, wall.month, wall.day);
      return names[(((days + 4) % 7) + 7) % 7] ?? "";
    },
  };
}

function half(): PatternField {
  return {
    letters: "a",
    sets: "half",
    read(text, at, into) {
      const index = indexOfName(["AM", "PM"], text, at);
      if (index < 0) return -1;
      into.afternoon = index === 1;
      return at + 2;
    },
    write: (wall) => (wall.hour < 12 ? "AM" : "PM"),
  };
}

interface OffsetStyle {
  readonly colon: boolean;
  /** `Z` for an offset of zero. */
  readonly zulu: boolean;
  /** Hours alone where the minutes are zero. */
  readonly short: boolean;
}

const offsetSyntax = /([+-])(\d\d)(?::?(\d\d))?/y;

function offset(letters: string, style: OffsetStyle): PatternField {
  return {
    letters,
    sets: "offset",
    read(text, at, into) {
      if (text[at] === "Z" || text[at] === "z") {
        into.offset = 0;
        return at + 1;
      }
      offsetSyntax.lastIndex = at;
      const match = offsetSyntax.exec(text);
      if (match === null) return -1;
      const hours = Number(match[2]);
      const minutes = Number(match[3] ?? 0);
      if (hours > 23 || minutes > 59) return -1;
      into.offset = (hours * 3600 + minutes * 60) * (match[1] === "-" ? -1 : 1);
      return at + match[0].length;
    },
    write: (_wall, seconds) => offsetText(seconds, style),
  };
}

function offsetText(seconds: number, { colon, zulu, short }: OffsetStyle): string {
  if (seconds === 0 && zulu) return "Z";
  const size = Math.abs(seconds);
  const hours = two(Math.floor(size / 3600));
  const minutes = two(Math.floor(size / 60) % 60);
  const sign = seconds < 0 ? "-" : "+";
  if (short && minutes === "00") return sign + hours;
  return `${sign}${hours}${colon ? ":" : ""}${minutes}`;
}
