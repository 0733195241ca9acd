import type { StreamKey } from "../model/stream-key.ts";
import { checkKey, checkState } from "./arguments.ts";
import type { StateStore, StreamState } from "./contract.ts";
import { newRow } from "./step-rules.ts";
import { streamState } from "./view.ts";

/** A stream's current state; `updatedAtUtc` is null where nothing is stored of it. */
export interface CurrentState extends Omit<StreamState, "updatedAtUtc"> {
  readonly updatedAtUtc: string | null;
}

/**
 * Returns a stream's state, to decide whether to begin a run. A stream that never began is `idle`, with epoch 0 and no
 * cursor, where `StateStore.get` returns null. The call stores nothing. Another run may begin between this call and
 * yours: to decide and begin in one step, give `deltaRun` a policy (`onConcurrentRun`).
 *
 * ```ts
 * const { status, startedAtUtc } = await currentState(state, { connector: "sap_eu", stream: "suppliers" });
 * if (status === "running" && ageOf(startedAtUtc) < hour) return;
 * await deltaRun(state, { connector: "sap_eu", stream: "suppliers" }, work);
 * ```
 */
export async function currentState(state: StateStore, key: StreamKey): Promise<CurrentState> {
  checkState(state);
  checkKey(key);
  return (await state.get(key)) ?? neverBegun(key);
}

function neverBegun({ connector, stream }: StreamKey): CurrentState {
  return { ...streamState(newRow({ connector, stream }, "", null, 0)), updatedAtUtc: null };
}
