import type { StreamKey } from "../model/stream-key.ts";
import { checkKey, checkState } from "./arguments.ts";
import type { StateStore, StreamState } from "./contract.ts";
import { newRow } from "./step-rules.ts";
import { streamState } from "./view.ts";

/** A stream as it stands; `updatedAtUtc` is null where nothing is stored of it. */
export interface CurrentState extends Omit<StreamState, "updatedAtUtc"> {
  readonly updatedAtUtc: string | null;
}

/**
 * A stream's state to decide by before a run begins. A stream that was never begun is `idle`, with epoch 0 and no
 * cursor, where `StateStore.get` gives null; nothing is stored by asking. To decide and begin in one step, give
 * `deltaRun` a policy (`onConcurrentRun`): between this and a begin another run may begin.
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
