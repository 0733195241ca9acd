import fc from "fast-check";
import type { Order } from "../../../src/model/position.ts";

export const pagings = ["none", "page", "offset", "cursor", "link", "seek"] as const;
export type Paging = (typeof pagings)[number];

/** What the source says of the number of its records: the truth, or one of the ways in which it is wrong. */
export type Total = "absent" | "right" | "capped" | "page" | "low" | "high" | "changing";

/** How the source answers a page past its last one. */
export type End = "empty" | "null" | "absent" | "204" | "blank" | "404" | "400" | "416" | "422" | "lastPage";

/** How the last page says that no other follows, where tokens or links lead from page to page. */
export type NextAtEnd = "absent" | "null" | "blank" | "trailing";

/** What the tokens and links do: lead on, stay on one page, lead back, or stand where the pipeline does not look. */
export type Tokens = "right" | "stay" | "cycle" | "elsewhere";

/** Where an answer holds its token or link, if it is not a header. */
export const nextNames = ["next", "next_page_token", "paging.next", "@odata.nextLink"] as const;
export type NextIn = "header" | (typeof nextNames)[number];

/** How the records write their timestamps. */
export type Form = "seconds" | "millis" | "micros" | "trimmed" | "millis+00:00" | "millis+02:00";

export type Fault = "500" | "429" | "cut" | "half" | "reset";

export interface Step {
  /** How many milliseconds pass before each of the records that are added; zero makes ties. */
  readonly added: readonly number[];
  /** By the number of the request within the run: what goes wrong there. */
  readonly faults: readonly { readonly at: number; readonly requests: number; readonly fault: Fault }[];
}

/** A source, what it lies about, and the pipeline that reads it. */
export interface World {
  readonly paging: Paging;
  /** How the source sorts, which the pipeline declares as it is. */
  readonly order: Order;
  /** What the pipeline asks for; null asks for no size. */
  readonly limit: number | null;
  /** The most that the source gives, page after page in turn; empty grants what is asked for. */
  readonly granted: readonly number[];
  /** Of the records, by turns, which are dropped from a page after it was cut. */
  readonly dropped: readonly boolean[];
  /** Whether each page begins with the last record of the one before. */
  readonly overlaps: boolean;
  readonly total: Total;
  readonly declares: { readonly total: boolean; readonly totalPages: boolean; readonly hasMore: boolean };
  /** Whether the answers hold these, always right. */
  readonly gives: { readonly totalPages: boolean; readonly hasMore: boolean };
  /** Whether the answer is the list itself. */
  readonly bare: boolean;
  readonly tokens: Tokens;
  readonly nextIn: NextIn;
  readonly nextAtEnd: NextAtEnd;
  readonly end: End;
  /** How the source compares the lower bound. */
  readonly compares: "time" | "text" | "second" | "day";
  readonly strict: boolean;
  readonly declaredBound: "inclusive" | "exclusive";
  /** Whether the window's end is sent as well, and the window cut into slices of a second. */
  readonly upper: "open" | "sent" | "sliced";
  readonly forms: readonly Form[];
  /** How far the source's clock is ahead of the reader's, in milliseconds; one that is behind commits late. */
  readonly skew: number;
  readonly appends: boolean;
  readonly resume: "token" | "page";
  readonly pagesPerCheckpoint: number;
  readonly steps: readonly Step[];
}

/** One thing in so many is a lie; more of them at once hide one another. */
function mostly<T>(usual: T, ...others: [T, ...T[]]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );
}

const faults = fc.array(
  fc.record({
    at: fc.integer({ min: 1, max: 6 }),
    requests: fc.integer({ min: 1, max: 2 }),
    fault: fc.constantFrom<Fault[]>("500", "429", "cut", "half", "reset"),
  }),
  { maxLength: 2 },
);

const waits = fc.constantFrom(0, 0, 0, 1, 9, 90, 100, 500, 1000);

const steps = fc.array(
  fc.record({
    added: fc.array(waits, { maxLength: 12 }),
    faults: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: faults }),
  }),
  { minLength: 1, maxLength: 5 },
);

const forms: fc.Arbitrary<readonly Form[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Form[][]>(["seconds"], ["millis"], ["micros"]) },
  { weight: 2, arbitrary: fc.constantFrom<Form[][]>(["trimmed"], ["millis+00:00"], ["millis+02:00"]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Form[][]>(
      ["trimmed", "millis"],
      ["millis", "millis+00:00"],
      ["seconds", "micros"],
      ["trimmed", "millis+00:00", "micros"],
    ),
  },
);

const drawn = fc.record({
  order: fc.constantFrom<Order[]>("ascending", "descending", "unordered"),
  limit: fc.option(fc.integer({ min: 1, max: 6 }), { nil: null, freq: 4 }),
  granted: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }) },
  ),
  dropped: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.boolean(), { minLength: 2, maxLength: 5 }) },
  ),
  overlaps: mostly(false, true),
  total: mostly<Total>("absent", "right", "capped", "page", "low", "high", "changing"),
  declares: fc.record({ total: fc.boolean(), totalPages: mostly(false, true), hasMore: mostly(false, true) }),
  gives: fc.record({ totalPages: fc.boolean(), hasMore: fc.boolean() }),
  bare: mostly(false, true),
  tokens: mostly<Tokens>("right", "stay", "cycle", "elsewhere"),
  nextIn: fc.constantFrom<NextIn[]>("next", "header", ...nextNames),
  nextAtEnd: fc.constantFrom<NextAtEnd[]>("absent", "null", "blank", "trailing"),
  end: fc.constantFrom<End[]>(
    "empty",
    "null",
    "absent",
    "204",
    "blank",
    "404",
    "400",
    "416",
    "422",
    "lastPage",
  ),
  compares: mostly<World["compares"]>("time", "text", "second", "day"),
  strict: fc.boolean(),
  declaredBound: fc.constantFrom("inclusive" as const, "exclusive" as const),
  upper: fc.oneof(
    { weight: 7, arbitrary: fc.constant("open" as const) },
    { weight: 2, arbitrary: fc.constant("sent" as const) },
    { weight: 1, arbitrary: fc.constant("sliced" as const) },
  ),
  forms,
  skew: mostly(0, 700),
  appends: fc.boolean(),
  resume: fc.constantFrom("token" as const, "page" as const),
  pagesPerCheckpoint: fc.integer({ min: 1, max: 3 }),
  steps,
});

/** How long to wait for records with no digits behind the second, with one, two and three, of each form. */
function oneOfEach(forms: number): number[] {
  return [1000, 100, 10, 1].flatMap((wait) => [wait, ...Array.from({ length: forms - 1 }, () => 0)]);
}

/** Every world in which what is lost could be known to be. */
export function worlds(paging: Paging): fc.Arbitrary<World> {
  return drawn.map((world) => knowable({ paging, ...world }));
}

/** Worlds whose source says nothing that is wrong, and at most grants less than it is asked for. */
export function honestWorlds(paging: Paging): fc.Arbitrary<World> {
  return drawn.map((world) =>
    knowable({
      paging,
      ...world,
      granted: paging === "none" ? [] : world.granted,
      dropped: [],
      overlaps: false,
      total: world.total === "absent" ? "absent" : "right",
      // A link that was never seen in a header, or a token in a list, is a doubt and stays one.
      bare: world.bare && paging !== "cursor" && paging !== "link",
      tokens: "right",
      nextIn: world.nextIn === "header" ? "next" : world.nextIn,
      nextAtEnd: honestNextAtEnd(world),
      // A bound that is coarser than the cursors, or has another order, does not move from page to page.
      compares: paging === "seek" ? "time" : world.compares,
      skew: 0,
      end: honestEnds[world.end] ?? "empty",
      steps: world.steps.map(({ added }) => ({ added, faults: [] })),
    }),
  );
}

/** A token behind the last page goes with no flag that says that there is none. */
function honestNextAtEnd({ nextAtEnd, declares }: Pick<World, "nextAtEnd" | "declares">): NextAtEnd {
  return nextAtEnd === "absent" || (nextAtEnd === "trailing" && declares.hasMore) ? "null" : nextAtEnd;
}

/** Ends that are no refusal: behind a full page a refusal may as well be a limit of how far one may read. */
const honestEnds: Partial<Record<End, End>> = { null: "null", "204": "204", blank: "blank" };

/**
 * Takes from a world the lies that no reader can see through, and the settings that the pipeline file
 * refuses. Each has its reason.
 */
function knowable(world: World): World {
  let { order, limit, granted, dropped, declares, gives, bare, total, end, strict, steps } = world;
  let { declaredBound, overlaps, tokens } = world;
  const { paging, compares, forms } = world;
  if (paging === "seek") {
    // The pipeline file asks for both.
    order = "ascending";
    limit ??= 4;
    bare = false;
    // Its pages begin with a record that is known, so one of a single record has room for nothing else.
    granted = granted.map((size) => Math.max(size, 2));
  }
  // An offset that is not the number of records before the page is none.
  if (paging === "offset" || paging === "seek") overlaps = false;
  if (paging !== "page") declares = { ...declares, totalPages: false };
  if (paging === "none" || paging === "seek") declares = { total: false, totalPages: false, hasMore: false };
  if (bare) {
    gives = { totalPages: false, hasMore: false };
    total = "absent";
    declares = { total: false, totalPages: false, hasMore: false };
  }
  // What is declared and never given is refused, or says nothing.
  if (!gives.hasMore) declares = { ...declares, hasMore: false };
  if (!gives.totalPages) declares = { ...declares, totalPages: false };
  // What is no lie in one answer that holds all is in one that holds a part, unless the answer says so.
  if (paging === "none" && granted.length > 0) {
    gives = { ...gives, hasMore: true };
    bare = false;
  }
  if (paging === "none") dropped = [];
  // A total below the truth agrees with a short page by chance, and then both say that it is the last.
  const isShort = granted.length > 0 || dropped.some(Boolean);
  if (isShort && ["capped", "page", "low", "changing"].includes(total)) total = "absent";
  // Records that come twice count twice, and then agree with a total before all have come.
  if (overlaps) total = "absent";
  if (total === "absent") declares = { ...declares, total: false };
  // A source that compares a coarser value strictly has to be declared so; there is no setting for a day.
  if (compares === "second" || compares === "day") strict = false;
  // To declare a strict source inclusive is the pipeline's mistake.
  if (strict) declaredBound = "exclusive";
  // Whole seconds are never past the end of a window that whole milliseconds make.
  if (end === "lastPage" && paging === "seek") end = "empty";
  // A form that no record had before cannot be made ready for: the first run is given one of each. A bound that
  // moves from page to page meets them on its way, so it has to be a step lower, which is safe for all of them.
  if (compares === "text" && (forms.length > 1 || forms[0] === "trimmed")) {
    if (paging === "seek") declaredBound = "exclusive";
    [granted, dropped, overlaps, tokens, bare] = [[], [], false, "right", false];
    steps = [{ added: oneOfEach(forms.length), faults: [] }, ...steps];
  }
  return {
    ...world,
    order,
    limit,
    granted,
    dropped,
    overlaps,
    tokens,
    declares,
    gives,
    bare,
    total,
    end,
    strict,
    declaredBound,
    steps,
  };
}
