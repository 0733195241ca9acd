import { TidemarkError } from "../errors.ts";
import { cursorTypes } from "../model/cursor.ts";
import { parseJson, stringifyJson } from "../model/json.ts";
import { kindOf } from "../model/plain-object.ts";
import { isRecord } from "../model/record.ts";
import { formatStreamKey, type StreamKey, streamNameProblem } from "../model/stream-key.ts";
import type { BeginOptions, Checkpoint, Completion, Failure, Metadata, OperatorAct } from "./contract.ts";
import { leaseOwnerSchema } from "./owner.ts";
import type { Retention } from "./retention.ts";
import type { Stop } from "./stop-requests.ts";

/**
 * What every store checks before it touches anything, so that no call, typed or not, can leave a row
 * behind that could not be read again. Everything here throws `ARGUMENT_INVALID`.
 */

const mostLeaseSeconds = 86_400;

/** A hundred years: no history is older, and every store can name a time so long ago. */
export const mostRetentionDays = 36_500;

export function checkKey(key: StreamKey): void {
  for (const part of ["connector", "stream"] as const) {
    const problem = typeof key[part] === "string" ? streamNameProblem(key[part]) : "it is no text";
    if (problem !== null) throw invalid(`the ${part} name cannot be used: ${problem}`);
  }
}

/** Throws for a key or options that no store takes. */
export function checkBegin(key: StreamKey, options: BeginOptions): void {
  checkKey(key);
  const { cursorType, ifRunning, kind, leaseSeconds, runId, backfill, owner, epochFloor } = options;
  if (cursorType !== null && !cursorTypes.includes(cursorType)) {
    throw invalid(
      `cursorType is ${shownValue(cursorType)}; it is one of ${cursorTypes.join(", ")}, or null`,
      key,
    );
  }
  if (ifRunning !== undefined && ifRunning !== "override" && ifRunning !== "refuse") {
    throw invalid(`ifRunning is ${shownValue(ifRunning)}; it is override or refuse`, key);
  }
  if (kind !== undefined && kind !== "live" && kind !== "backfill") {
    throw invalid(`kind is ${shownValue(kind)}; it is live or backfill`, key);
  }
  if (leaseSeconds !== undefined && !isWhole(leaseSeconds, 1, mostLeaseSeconds)) {
    throw invalid(
      `leaseSeconds is ${shownValue(leaseSeconds)}; a lease is 1 to ${mostLeaseSeconds} whole seconds`,
      key,
    );
  }
  for (const [what, id] of Object.entries({ runId, backfill })) {
    if (id === undefined || isRunId(id)) continue;
    throw invalid(`${what} takes 1 to 100 letters, digits and . _ : -`, key);
  }
  if (backfill !== undefined && kind !== "backfill") {
    throw invalid("backfill names what a run of the kind backfill goes on with", key);
  }
  if (owner !== undefined && !leaseOwnerSchema.safeParse(owner).success) {
    throw invalid("owner is not what processOwner() gives", key);
  }
  if (epochFloor !== undefined && !isWhole(epochFloor)) {
    throw invalid(`epochFloor is ${shownValue(epochFloor)}; it is a whole number from 0`, key);
  }
}

export function checkCheckpoint(key: StreamKey, made: Checkpoint): void {
  if (!isWhole(made.sequence, 1)) {
    throw invalid(
      `the checkpoint's sequence is ${shownValue(made.sequence)}; a run counts its checkpoints from 1`,
      key,
    );
  }
  checkPartitions(key, made.partitions ?? []);
  checkCount(key, made.recordsProcessed);
  if (made.correction !== undefined && isBlank(made.correction)) {
    throw invalid("a correction says why the watermark goes back", key);
  }
}

export function checkCompletion(key: StreamKey, done: Completion): void {
  if (done.newCursor !== undefined && done.position !== undefined) {
    throw invalid("complete takes newCursor or position, not both", key);
  }
  checkPartitions(key, done.partitions ?? []);
  checkCount(key, done.recordsProcessed);
}

/** Each partition is named once, so that it has exactly one new position. */
export function checkPartitions(key: StreamKey, named: readonly { readonly partition: string }[]): void {
  const names = new Set<string>();
  for (const { partition } of named) {
    checkPartition(key, partition);
    if (names.has(partition)) throw invalid(`partition "${partition}" is named twice`, key);
    names.add(partition);
  }
}

export function checkPartition(key: StreamKey, partition: string): void {
  const problem = typeof partition === "string" ? streamNameProblem(partition) : "it is no text";
  if (problem !== null) throw invalid(`the name of a partition cannot be used: ${problem}`, key);
}

/** Whether an id can be that of a run or of a backfill. */
export function isRunId(id: string): boolean {
  return typeof id === "string" && /^[\w.:-]{1,100}$/.test(id);
}

/** The limits of a `prune` as numbers. */
export function checkRetention({ keepRuns, maxAgeDays, key }: Retention): void {
  if (key !== undefined) checkKey(key);
  if (keepRuns === undefined && maxAgeDays === undefined) {
    throw invalid("prune takes keepRuns, maxAgeDays or both", key);
  }
  if (keepRuns !== undefined && !isWhole(keepRuns)) {
    throw invalid(`keepRuns is ${shownValue(keepRuns)}; it is a whole number from 0`, key);
  }
  if (maxAgeDays !== undefined && !isNumberUpTo(maxAgeDays, mostRetentionDays)) {
    throw invalid(
      `maxAgeDays is ${shownValue(maxAgeDays)}; it is a number from 0 to ${mostRetentionDays}`,
      key,
    );
  }
}

const longestError = 10_000;

/**
 * A failure's error as every store keeps it: without U+0000, which PostgreSQL cannot store, and without half of a
 * surrogate pair, which UTF-8 cannot carry. A failed run is recorded whatever text its error has.
 */
export function storableError(error: string): string {
  const text = error.replaceAll("\0", "\u{fffd}").toWellFormed();
  return text.length <= longestError ? text : `${text.slice(0, longestError - 1).toWellFormed()}…`;
}

export function checkFailure(key: StreamKey, failure: Failure): void {
  if (typeof failure.error !== "string") throw invalid("a failure's error must be a text", key);
  checkCount(key, failure.recordsProcessed);
}

/** An operator's act names who acts and why, since the audit log keeps both (promise P12). */
export function checkAct(key: StreamKey, action: string, act: OperatorAct): void {
  for (const part of ["reason", "actor"] as const) {
    if (!isBlank(act[part])) continue;
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      `a ${action} needs ${part === "reason" ? "a reason" : "an actor"}`,
      {
        stream: formatStreamKey(key),
        hint: part === "reason" ? "Say why; the audit log keeps it." : "Say who; the audit log keeps it.",
      },
    );
  }
}

/** A request to stop names who asks; a reason is welcome and not needed, since nothing is moved. */
export function checkStop(key: StreamKey, { actor, reason, backfill }: Stop): void {
  checkKey(key);
  if (isBlank(actor)) throw invalid("a stop needs an actor", key);
  if (reason !== undefined && isBlank(reason))
    throw invalid("the reason of a stop is empty; leave it out", key);
  if (backfill !== undefined && !isRunId(backfill)) {
    throw invalid("backfill takes 1 to 100 letters, digits and . _ : -", key);
  }
}

/** Metadata as every store keeps it: a copy, of JSON values only, with all digits. */
export function keptMetadata(key: StreamKey, metadata: Metadata): Metadata {
  const kept = asJson(metadata);
  if (!isRecord(kept)) throw invalid("metadata has to be an object that JSON can hold", key);
  return kept;
}

function asJson(value: unknown): unknown {
  try {
    return parseJson(stringifyJson(value));
  } catch {
    return null;
  }
}

export function checkCount(key: StreamKey, count: number | undefined): void {
  if (count === undefined || isWhole(count)) return;
  throw invalid(`recordsProcessed is ${shownValue(count)}; it is a whole number from 0`, key);
}

function isWhole(value: number, least = 0, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

/** Checked at run time too: a caller without types could pass a text of digits, which compares like a number. */
function isNumberUpTo(value: number, most: number): boolean {
  return typeof value === "number" && value >= 0 && value <= most;
}

/** Checked at run time too: a caller without types could leave the text out. */
function isBlank(text: string | undefined): boolean {
  return typeof text !== "string" || text.trim() === "";
}

function shownValue(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

/**
 * Throws `ARGUMENT_INVALID` for a value that is not a state store, for example a promise of one that was not awaited.
 */
export function checkState(state: unknown): void {
  const isStore =
    typeof state === "object" &&
    state !== null &&
    ["get", "begin", "checkpoint", "complete", "fail"].every(
      (name) => typeof Reflect.get(state, name) === "function",
    );
  if (isStore) return;
  const isPromise = state instanceof Promise;
  throw new TidemarkError("ARGUMENT_INVALID", `the state is ${kindOf(state)}, not a state store`, {
    hint: isPromise
      ? "Await it: `await using state = await openState(url)`."
      : 'Open one: `await using state = await openState("sqlite:./.tidemark/state.db")`.',
  });
}

function invalid(message: string, key?: StreamKey): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    message,
    key === undefined ? {} : { stream: formatStreamKey(key) },
  );
}
