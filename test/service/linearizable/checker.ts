import type { Call } from "./history.ts";
import { neverBegun, type Stream, step } from "./model.ts";

/** A call that no order of calls can explain, and where the stream can have stood before it. */
export interface Violation {
  readonly call: Call;
  readonly possible: readonly Stream[];
}

/** Where the stream can stand, and which calls that have not returned yet are part of that. */
interface Configuration {
  readonly stream: Stream;
  readonly done: ReadonlySet<Call>;
}

/**
 * Whether the calls of one stream can have been carried out one after another, each at one moment between
 * its beginning and its end, as the contract has it: linearizability. Null where they can.
 *
 * It goes through beginnings and ends in their order and keeps every place where the stream can
 * stand. A call that changes nothing is taken as soon as it fits, since that hinders no other. A
 * call whose answer never came stays possible for good; the model takes it once at most.
 */
export function findViolation(calls: readonly Call[]): Violation | null {
  let possible: Configuration[] = [{ stream: neverBegun, done: new Set() }];
  let open: Call[] = [];
  for (const { call, isEnd } of eventsOf(calls)) {
    if (!isEnd) {
      open.push(call);
      continue;
    }
    const before = possible;
    possible = withReturned(before, open, call);
    if (possible.length === 0) return { call, possible: before.map(({ stream }) => stream) };
    const passed = Math.min(...possible.map(({ stream }) => stream.epoch));
    open = open.filter((other) => other !== call && !isOver(other, passed));
  }
  return null;
}

function eventsOf(calls: readonly Call[]): { call: Call; isEnd: boolean }[] {
  const events = calls.flatMap((call) => [
    { at: call.from, call, isEnd: false },
    ...(call.until === null ? [] : [{ at: call.until, call, isEnd: true }]),
  ]);
  return events.sort((a, b) => a.at - b.at);
}

/** Whether a call without an answer can have no effect any more. */
function isOver({ asked, answered, until }: Call, epoch: number): boolean {
  if (until !== null) return false;
  if (asked.kind === "begin") return answered.kind !== "granted" || answered.epoch <= epoch;
  return asked.kind === "get" || asked.run.epoch < epoch;
}

/** Every configuration that the calls at hand can lead to and in which this one has been carried out. */
function withReturned(
  before: readonly Configuration[],
  open: readonly Call[],
  returned: Call,
): Configuration[] {
  const found = new Map<string, Configuration>();
  const seen = new Set<string>();
  const waiting = before.map((each) => settled(each, open));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const name = nameOf(next);
    if (seen.has(name)) continue;
    seen.add(name);
    if (next.done.has(returned)) {
      const rest: Configuration = { stream: next.stream, done: without(next.done, returned) };
      found.set(nameOf(rest), rest);
      continue;
    }
    for (const call of open) {
      if (next.done.has(call)) continue;
      for (const stream of step(next.stream, call)) {
        const done = call.until === null ? next.done : new Set([...next.done, call]);
        waiting.push(settled({ stream, done }, open));
      }
    }
  }
  return [...found.values()];
}

/** With every call at hand carried out that fits as it is and changes nothing. */
function settled({ stream, done }: Configuration, open: readonly Call[]): Configuration {
  const fitting = open.filter(
    (call) => call.until !== null && !done.has(call) && step(stream, call).includes(stream),
  );
  return fitting.length === 0 ? { stream, done } : { stream, done: new Set([...done, ...fitting]) };
}

function without(done: ReadonlySet<Call>, call: Call): ReadonlySet<Call> {
  return new Set([...done].filter((other) => other !== call));
}

function nameOf({ stream, done }: Configuration): string {
  const marks = [...done].map(({ from }) => from).sort((a, b) => a - b);
  return JSON.stringify([stream, marks]);
}
