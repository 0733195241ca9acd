import assert from "node:assert/strict";
import { type ErrorCode, isTidemarkError, type TidemarkError } from "../../src/errors.ts";
import type { CursorType } from "../../src/model/cursor.ts";
import { emptyPosition, type Position, type TieMember } from "../../src/model/position.ts";
import type { StreamKey } from "../../src/model/stream-key.ts";
import type {
  AuditRecord,
  BeginOptions,
  Run,
  RunRecord,
  StateStore,
  StreamState,
} from "../../src/state/contract.ts";

/** The stream that most cases work on. */
export const key: StreamKey = { connector: "sap_eu", stream: "suppliers" };

export const byHand = { reason: "a test wants it", actor: "ada" };

/** Begins a run of timestamps on `key`, unless another stream is given. */
export function begin(
  store: StateStore,
  options: Partial<BeginOptions> = {},
  on: StreamKey = key,
): Promise<Run> {
  return store.begin(on, { cursorType: "timestamp_utc", ...options });
}

/** A whole run that leaves the watermark at a value. */
export async function runTo(
  store: StateStore,
  newCursor: string,
  cursorType: CursorType = "timestamp_utc",
  on: StreamKey = key,
): Promise<Run> {
  const run = await begin(store, { cursorType }, on);
  await store.complete(run, { newCursor });
  return run;
}

export function at(watermark: string | null, rest: Partial<Position> = {}): Position {
  return { ...emptyPosition, watermark, ...rest };
}

/** Resolves with the refusal, which has to be of that code; any other outcome fails the case. */
export async function refused(code: ErrorCode, call: Promise<unknown>): Promise<TidemarkError> {
  try {
    await call;
  } catch (error) {
    if (isTidemarkError(error, code)) return error;
    throw error;
  }
  assert.fail(`nothing was refused; ${code} was due`);
}

/** The stored state of a stream, which has to be there. */
export async function stateOf(store: StateStore, of: StreamKey = key): Promise<StreamState> {
  const state = await store.get(of);
  assert.ok(state !== null, "the stream has no state");
  return state;
}

/** A stream's runs, newest first, and its audit log, oldest first. */
export async function runsOf(store: StateStore, of: StreamKey = key): Promise<readonly RunRecord[]> {
  return (await store.runs(of)).items;
}

export async function auditOf(store: StateStore, of: StreamKey = key): Promise<readonly AuditRecord[]> {
  return (await store.audit({ key: of })).items;
}

/** What an audit row says, leaving out when it was written and how it is chained. */
export function withoutHash(row: AuditRecord): Omit<AuditRecord, "key" | "atUtc" | "hash"> {
  const { key: _, atUtc, hash, ...rest } = row;
  assert.match(atUtc, isoMilliseconds);
  assert.match(hash, /^[0-9a-f]{64}$/);
  return rest;
}

export const isoMilliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Runs something that has to leave the stream, its history and its audit log as they are. */
export async function unchanged(
  store: StateStore,
  of: StreamKey,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = await everything(store, of);
  await work();
  assert.deepEqual(await everything(store, of), before);
}

async function everything(store: StateStore, of: StreamKey): Promise<unknown> {
  const state = await store.get(of);
  const sorted = state === null ? null : { ...state, position: inOrder(state.position) };
  return {
    state: sorted,
    runs: state === null ? [] : await runsOf(store, of),
    audit: await auditOf(store, of),
  };
}

/** A position with its tie set in an order of their own; a store keeps them as a set. */
export function inOrder(position: Position): Position {
  const name = ({ cursor, identity }: TieMember): string => JSON.stringify([cursor, identity]);
  const tieSet = [...position.tieSet].sort((a, b) => (name(a) < name(b) ? -1 : 1));
  return { ...position, tieSet };
}

/** Every item of a listing, asked for page by page; no page may be longer than it was to be. */
export async function allPages<T>(
  limit: number,
  ask: (page: { limit: number; after?: string }) => Promise<{ items: readonly T[]; next: string | null }>,
): Promise<T[]> {
  const found: T[] = [];
  let after: string | null = null;
  do {
    const page: { items: readonly T[]; next: string | null } = await ask(
      after === null ? { limit } : { limit, after },
    );
    assert.ok(page.items.length <= limit, `a page of ${limit} holds ${page.items.length}`);
    assert.ok(page.next === null || page.items.length === limit, "a page that is not full has one after it");
    found.push(...page.items);
    after = page.next;
  } while (after !== null);
  return found;
}
