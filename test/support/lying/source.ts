import type { Form, World } from "./world.ts";

export interface Stored {
  readonly id: number;
  /** Microseconds since 1970. */
  readonly at: number;
  readonly text: string;
  /** Whether it is dropped from pages after they were cut. */
  readonly dropped: boolean;
}

/** What goes over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the connection ends in the middle of the body. */
  readonly isCut: boolean;
}

interface Part {
  readonly records: readonly Stored[];
  /** Where the next part begins among all that was found; null at the end. */
  readonly next: number | null;
}

/** A source in memory that answers requests as its world says, the lies included. */
export class LyingSource {
  readonly #world: World;
  readonly #stored: Stored[] = [];
  #asked = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** What a truthful source would give: all that is not dropped. */
  get visible(): readonly Stored[] {
    return this.#stored.filter(({ dropped }) => !dropped);
  }

  /** The ids of those that a reader is owed whose clock says so. */
  visibleAt(now: number): ReadonlySet<number> {
    return new Set(this.visible.filter(({ at }) => at <= now * 1000).map(({ id }) => id));
  }

  /** Adds a record as of a moment of the reader's clock, in milliseconds since 1970. */
  add(now: number): void {
    const { dropped, forms, skew } = this.#world;
    const milliseconds = now + skew;
    const number = this.#stored.length;
    const [only] = forms;
    const whole = forms.length === 1 && only === "seconds";
    const at =
      (whole ? Math.floor(milliseconds / 1000) * 1000 : milliseconds) * 1000 +
      (forms.length === 1 && only === "micros" ? 250 : 0);
    const form = forms[number % forms.length] ?? "millis";
    this.#stored.push({
      id: number + 1,
      at,
      text: written(at, form),
      dropped: dropped[number % Math.max(dropped.length, 1)] ?? false,
    });
  }

  answer(url: URL): Answer {
    this.#asked += 1;
    const { paging } = this.#world;
    const query = url.searchParams;
    const found = this.#found(query.get("since"), query.get("before"));
    const limit = query.has("limit") ? Number(query.get("limit")) : null;
    if (paging === "page") return this.#numbered(found, limit, Number(query.get("page")) - 1);
    if (paging === "seek") return this.#sought(url, found, limit);
    if (paging === "offset") return this.#from(url, found, limit, Number(query.get("offset")));
    return this.#from(url, found, limit, Number((query.get("token") ?? "t0").slice(1)));
  }

  #found(since: string | null, before: string | null): Stored[] {
    const { order } = this.#world;
    const found = this.#stored.filter(
      (record) =>
        (since === null || this.#isPast(record, since, 1)) &&
        (before === null || this.#isPast(record, before, -1)),
    );
    const sign = order === "descending" ? -1 : 1;
    found.sort((a, b) =>
      order === "unordered" ? shuffled(a) - shuffled(b) : sign * (a.at - b.at) || a.id - b.id,
    );
    return this.#canBeCut(found) ? found : found.filter(({ dropped }) => !dropped);
  }

  /** An offset cannot lead past a page that is empty in the middle: there it is filtered before it is cut. */
  #canBeCut(found: readonly Stored[]): boolean {
    const { paging, limit, granted } = this.#world;
    if (paging !== "offset" || this.#maySayNothing) return true;
    const least = Math.min(limit ?? 3, ...granted);
    return !found.some((_, at) => {
      const page = found.slice(at, at + least);
      return page.length === least && page.every(({ dropped }) => dropped);
    });
  }

  /** Whether a record lies on the right side of a bound: above it, or below it where `sign` is -1. */
  #isPast({ at, text }: Stored, bound: string, sign: 1 | -1): boolean {
    const { compares, strict } = this.#world;
    if (compares === "text" && text === bound) return !strict;
    if (compares === "text") return text > bound === (sign === 1);
    const step = { time: 1, second: 1_000_000, day: 86_400_000_000 }[compares];
    const difference = sign * (Math.floor(at / step) - Math.floor(microsOf(bound) / step));
    return strict ? difference > 0 : difference >= 0;
  }

  #numbered(found: readonly Stored[], limit: number | null, page: number): Answer {
    let at = 0;
    let part = this.#part(found, limit, at, 0);
    for (let number = 0; number < page; number++) {
      if (part.next === null) return this.#pastTheEnd(found, part);
      at = part.next;
      part = this.#part(found, limit, at, number + 1);
    }
    return this.#page(found, part, null);
  }

  #from(url: URL, found: readonly Stored[], limit: number | null, at: number): Answer {
    if (at >= found.length) {
      const size = this.#sizeAt(limit, 0);
      return this.#pastTheEnd(found, { records: found.slice(-size), next: null });
    }
    const part = this.#part(found, limit, at, at);
    return this.#page(found, part, this.#nextPlace(url, found, part, at));
  }

  /**
   * A page by a moved bound brings something new wherever more is left: of what lies at the bound and was
   * given before, a reader cannot tell one that was cut from the last one.
   */
  #sought(url: URL, found: readonly Stored[], limit: number | null): Answer {
    const since = url.searchParams.get("since");
    const skip = Number(url.searchParams.get("skip") ?? 0);
    const known = since === null ? 0 : microsOf(since) + this.#stepBelow + 999;
    const isNew = (record: Stored, at: number): boolean =>
      !record.dropped && (skip > 0 ? at > skip : record.at > known);
    if (skip >= found.length) return this.#from(url, found, limit, skip);
    const { records, next } = this.#part(found, limit, skip, skip);
    let end = skip + records.length;
    if (this.#world.dropped.some(Boolean) && next !== null) {
      const news = found.findIndex((record, at) => at >= skip && isNew(record, at));
      end = news < 0 ? found.length : Math.max(end, news + 1);
    }
    const part = { records: found.slice(skip, end), next: end < found.length ? end : null };
    return this.#page(found, part, null);
  }

  /** How far below a record's own time its bound is sent: a step of what its form can say. */
  get #stepBelow(): number {
    return this.#world.forms.every((form) => form.startsWith("mi")) ? 1000 : 1_000_000;
  }

  #sizeAt(limit: number | null, turn: number): number {
    const { granted, paging } = this.#world;
    const most = granted[turn % Math.max(granted.length, 1)];
    const asked = limit ?? (paging === "none" ? 1_000_000 : 3);
    return Math.min(asked, most ?? asked);
  }

  #part(found: readonly Stored[], limit: number | null, at: number, turn: number): Part {
    let end = Math.min(at + this.#sizeAt(limit, turn), found.length);
    // A page that is empty in the middle is the end, wherever nothing says that it is not.
    while (!this.#maySayNothing && end < found.length && found.slice(at, end).every(({ dropped }) => dropped))
      end += 1;
    const from = this.#world.overlaps && at > 0 ? at - 1 : at;
    return { records: found.slice(from, end), next: end < found.length ? end : null };
  }

  get #maySayNothing(): boolean {
    const { paging, declares, tokens, granted } = this.#world;
    if (paging === "cursor" || paging === "link") return tokens === "right";
    // How far an offset is to move past an empty page is what a page holds, if they are all alike.
    if (paging === "offset" && new Set(granted).size > 1) return false;
    return declares.hasMore || declares.totalPages;
  }

  #pastTheEnd(found: readonly Stored[], last: Part): Answer {
    const { end, bare } = this.#world;
    // What is past the end of nothing is no status: such a source could not be asked at all.
    const isStatus = /^4/.test(end);
    if (end === "lastPage" && found.length > 0) return this.#page(found, last, null);
    if (isStatus && found.length > 0) return answered(Number(end), { error: "no such page" });
    if (end === "204") return { status: 204, headers: {}, body: "", isCut: false };
    if (end === "blank") return { ...answered(200, null), body: "" };
    if (end === "null")
      return answered(200, bare ? null : { data: null, ...this.#envelope(found, 0, false) });
    if (end === "absent" && !bare) return answered(200, this.#envelope(found, 0, false));
    return answered(200, bare ? [] : { data: [], ...this.#envelope(found, 0, false) });
  }

  #page(found: readonly Stored[], { records, next }: Part, place: Next | null): Answer {
    const data = records.filter(({ dropped }) => !dropped).map(({ id, text }) => ({ id, updated_at: text }));
    if (this.#world.bare) return answered(200, data, place?.headers);
    const envelope = this.#envelope(found, data.length, next !== null);
    return answered(200, { data, ...envelope, ...place?.body }, place?.headers);
  }

  #envelope(found: readonly Stored[], count: number, more: boolean): object {
    const { gives, total } = this.#world;
    return {
      ...(total === "absent" ? {} : { total: this.#total(found, count) }),
      ...(gives.totalPages ? { pages: this.#pagesOf(found) } : {}),
      ...(gives.hasMore ? { has_more: more } : {}),
    };
  }

  #total(found: readonly Stored[], count: number): number {
    const right = found.filter(({ dropped }) => !dropped).length;
    switch (this.#world.total) {
      case "capped":
        return Math.min(right, 4);
      case "page":
        return count;
      case "low":
        return Math.floor(right / 2);
      case "high":
        return right + 3;
      case "changing":
        return Math.max(0, right + (this.#asked % 3) - 1);
      default:
        return right;
    }
  }

  #pagesOf(found: readonly Stored[]): number {
    const { limit, paging } = this.#world;
    let pages = 0;
    for (let at: number | null = 0; at !== null && found.length > 0; pages++) {
      at = this.#part(found, paging === "none" ? null : limit, at, paging === "page" ? pages : at).next;
    }
    return pages;
  }

  #nextPlace(url: URL, found: readonly Stored[], part: Part, at: number): Next | null {
    const { paging, tokens, nextIn, nextAtEnd, bare } = this.#world;
    if (paging === "none")
      return this.#world.granted.length === 0 ? null : this.#told(url, part.next, "next");
    if (paging !== "cursor" && paging !== "link") return null;
    const first = this.#sizeAt(this.#world.limit, 0);
    const lost = tokens === "stay" ? first : tokens === "cycle" && at > first ? first : null;
    const next = lost !== null && lost < found.length ? lost : part.next;
    const place = bare
      ? "header"
      : paging === "cursor" && nextIn === "header" && tokens !== "elsewhere"
        ? "next"
        : nextIn;
    if (next !== null || nextAtEnd === "trailing") return this.#told(url, next ?? found.length, place);
    if (nextAtEnd === "absent" || place === "header") return null;
    return { headers: {}, body: nested(place, nextAtEnd === "null" ? null : "") };
  }

  #told(url: URL, next: number | null, place: World["nextIn"]): Next | null {
    if (next === null) return null;
    const link = new URL(url);
    link.searchParams.set("token", `t${next}`);
    const isToken = this.#world.paging === "cursor";
    if (place !== "header") return { headers: {}, body: nested(place, isToken ? `t${next}` : link.href) };
    return { headers: isToken ? { "x-next": `t${next}` } : { link: `<${link.href}>; rel="next"` }, body: {} };
  }
}

interface Next {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

function nested(path: string, value: unknown): object {
  if (path === "paging.next") return { paging: { next: value } };
  return { [path]: value };
}

function answered(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    isCut: false,
  };
}

/** An order that has nothing to do with time, and stays the same. */
function shuffled({ id }: Stored): number {
  return (id * 7919) % 1009;
}

function written(at: number, form: Form): string {
  const shift = form === "millis+02:00" ? 7_200_000_000 : 0;
  const [seconds = "", millis = ""] = new Date(Math.floor((at + shift) / 1000))
    .toISOString()
    .slice(0, -1)
    .split(".");
  const micros = millis + String(at % 1000).padStart(3, "0");
  switch (form) {
    case "seconds":
      return /^0+$/.test(micros) ? `${seconds}Z` : `${seconds}.${millis}Z`;
    case "millis":
      return `${seconds}.${millis}Z`;
    case "micros":
      return `${seconds}.${micros}Z`;
    case "trimmed": {
      const digits = micros.replace(/0+$/, "");
      return digits === "" ? `${seconds}Z` : `${seconds}.${digits}Z`;
    }
    case "millis+00:00":
    case "millis+02:00":
      return `${seconds}.${millis}${form.slice(6)}`;
  }
}

/** As a source reads a bound: any ISO 8601 with an offset. */
export function microsOf(text: string): number {
  const [, seconds = "", fraction = "", offset = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${offset}`);
  if (Number.isNaN(milliseconds)) throw new Error(`the source was sent the bound ${text}`);
  return milliseconds * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}
