import type { Clock } from "../clock.ts";
import { secondsOfCanonical } from "../model/calendar.ts";
import { type StreamKey, streamMapKey } from "../model/stream-key.ts";
import type { StateStore, StreamState } from "../state/contract.ts";
import { isUnreadable, type UnreadableStream, type WithUnreadable } from "../state/unreadable.ts";
import type { Instruments } from "./instruments.ts";
import type { LabelledStreams } from "./stream-labels.ts";

/** The streams that have metrics. */
export interface StreamSource {
  readonly state: StateStore;
  /** These streams; all that the state has, up to a limit, unless given. */
  readonly keys?: readonly StreamKey[];
}

type Found = { readonly items: readonly StreamState[] } & WithUnreadable;

interface Success {
  readonly at: number | null;
  /** When the history was looked at for it, and when it was first heard of, by `Clock.elapsed`. */
  readonly lookedAt: number;
  readonly heardAt: number;
  /** How old it was then, as far as clocks could tell. */
  readonly age: number;
}

/** How far back in a stream's history its last success is looked for, and how often anew. */
const historyDepth = 50;
const lookAgainMs = 60_000;
const pageSize = 100;

/** Metrics for the age of streams' cursors and the time since their last completed run. */
export class StreamMetrics {
  readonly #instruments: Instruments;
  readonly #streams: LabelledStreams;
  readonly #clock: Clock;
  readonly #most: number;
  readonly #successes = new Map<string, Success>();

  constructor(instruments: Instruments, streams: LabelledStreams, clock: Clock, most: number) {
    this.#instruments = instruments;
    this.#streams = streams;
    this.#clock = clock;
    this.#most = most;
  }

  /** A run of the stream has completed just now. */
  succeeded(key: StreamKey): void {
    if (this.#successes.size < this.#most || this.#successes.has(streamMapKey(key)))
      this.#hear(streamMapKey(key), this.#clock.now());
  }

  /** Reads the streams' current state; some of them are `scheduled`. Throws what the state throws. */
  async look(sources: readonly StreamSource[], scheduled: readonly StreamKey[]): Promise<void> {
    const { cursorAge, successAge, succeeded, unreadable } = this.#instruments;
    const found: { state: StreamState; success: Success }[] = [];
    const broken: StreamKey[] = [];
    for (const source of sources) {
      const { items, unreadable: unreadableStreams = [] } = await this.#streamsOf(
        source,
        this.#most - found.length,
      );
      broken.push(...unreadableStreams.map(({ key }) => key));
      for (const state of items) found.push({ state, success: await this.#successOf(source.state, state) });
    }
    // Only once all is known, so that a state that fails halfway leaves no half.
    cursorAge.reset();
    successAge.reset();
    succeeded.reset();
    unreadable.reset();
    for (const key of broken) unreadable.set(this.#streams.of(key), 1);
    for (const key of scheduled) succeeded.set(this.#streams.of(key), 0);
    const now = this.#clock.now();
    for (const { state, success } of found) {
      const labels = this.#streams.of(state.key);
      const { cursor } = state;
      if (cursor?.type === "timestamp_utc") {
        cursorAge.set(labels, Math.max(0, now / 1000 - secondsOfCanonical(cursor.value)));
      }
      succeeded.set(labels, success.at === null ? 0 : 1);
      if (success.at !== null) successAge.set(labels, this.#ageOf(success, success.at) / 1000);
    }
  }

  async #streamsOf({ state, keys }: StreamSource, most: number): Promise<Found> {
    if (keys !== undefined) {
      const asked = await Promise.all(keys.slice(0, most).map((key) => readable(state, key)));
      return {
        items: asked.flatMap((found) => (found === null || "error" in found ? [] : found)),
        unreadable: asked.flatMap((found) => (found !== null && "error" in found ? found : [])),
      };
    }
    const all: StreamState[] = [];
    const broken: UnreadableStream[] = [];
    let after: string | undefined;
    while (all.length < most) {
      const limit = Math.min(pageSize, most - all.length);
      const page = { limit, unreadable: "include", ...(after === undefined ? {} : { after }) } as const;
      const { items, next, unreadable = [] } = await state.list(page);
      all.push(...items);
      broken.push(...unreadable);
      if (next === null) break;
      after = next;
    }
    return { items: all, unreadable: broken };
  }

  /**
   * How long ago it was. By the wall clock, and no less than the time since it was heard of: a clock that was
   * ahead and was set back must not hold the age at 0 until it comes there again.
   */
  #ageOf({ heardAt, age }: Success, at: number): number {
    return Math.max(this.#clock.now() - at, age + this.#clock.elapsed() - heardAt);
  }

  /** When the stream last had a run that completed, by the state, whichever process ran it. */
  async #successOf(state: StateStore, { key, status, updatedAtUtc }: StreamState): Promise<Success> {
    const name = streamMapKey(key);
    if (status === "completed") return this.#hear(name, Date.parse(updatedAtUtc));
    const known = this.#successes.get(name);
    if (known !== undefined && this.#clock.elapsed() - known.lookedAt < lookAgainMs) return known;
    const { items } = await state.runs(key, { limit: historyDepth });
    const last = items.find(({ kind, outcome }) => kind === "live" && outcome === "completed");
    const at = last === undefined ? (known?.at ?? null) : Date.parse(last.endedAtUtc ?? last.startedAtUtc);
    return this.#hear(name, at);
  }

  /** Keeps since when a success is known, where it is another than before. */
  #hear(name: string, at: number | null): Success {
    const now = this.#clock.elapsed();
    const known = this.#successes.get(name);
    const heard =
      known !== undefined && known.at === at
        ? { ...known, lookedAt: now }
        : { at, lookedAt: now, heardAt: now, age: at === null ? 0 : Math.max(0, this.#clock.now() - at) };
    this.#successes.set(name, heard);
    return heard;
  }
}

async function readable(state: StateStore, key: StreamKey): Promise<StreamState | UnreadableStream | null> {
  try {
    return await state.get(key);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { key, error };
  }
}
