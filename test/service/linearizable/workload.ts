import { randomUUID } from "node:crypto";
import { emptyPosition } from "../../../src/model/position.ts";
import type { StreamKey } from "../../../src/model/stream-key.ts";
import type { Run, RunRecord, StateStore, StreamState } from "../../../src/state/contract.ts";
import type { Answered, Asked, Call, History, RunOf } from "./history.ts";

export interface Workload {
  /** One for each client. */
  readonly stores: readonly StateStore[];
  readonly streams: readonly StreamKey[];
  /** A number from 0 to 1, below 1. */
  readonly random: () => number;
  /** Where everything is written down. */
  readonly history: History;
  /** Whether to go on; asked before each run. */
  readonly goesOn: () => boolean;
}

/** Longer than any test: who refuses to take over is refused for as long as a run is not ended. */
const leaseSeconds = 86_400;

/** Lets every client begin, checkpoint and end runs of the streams at random; what it saw is recorded. */
export async function runWorkload(workload: Workload): Promise<void> {
  const clients = workload.stores.map((store, number) => new Client(store, number, workload));
  await Promise.all(clients.map((client) => client.work()));
}

class Client {
  readonly #store: StateStore;
  readonly #number: number;
  readonly #workload: Workload;

  constructor(store: StateStore, number: number, workload: Workload) {
    this.#store = store;
    this.#number = number;
    this.#workload = workload;
  }

  async work(): Promise<void> {
    const { streams, goesOn } = this.#workload;
    while (goesOn()) {
      const key = streams[Math.floor(this.#random() * streams.length)];
      if (key === undefined) throw new Error("there is no stream");
      if (this.#random() < 0.2) await this.#look(key);
      else await this.#run(key);
    }
  }

  async #look(key: StreamKey): Promise<void> {
    const read = (state: StreamState | null): Answered => ({ kind: "seen", stream: seenOf(state) });
    await this.#call(key, { kind: "get" }, () => this.#store.get(key), read);
  }

  async #run(key: StreamKey): Promise<void> {
    const runId = randomUUID();
    const refuse = this.#random() < 0.7;
    const options = {
      cursorType: "numeric_id",
      runId,
      leaseSeconds,
      ifRunning: refuse ? "refuse" : "override",
    } as const;
    const read = ({ epoch, lowerBound }: Run): Answered => {
      return { kind: "granted", epoch, lower: lowerBound === null ? null : Number(lowerBound.value) };
    };
    const begun = await this.#call(
      key,
      { kind: "begin", runId, refuse },
      () => this.#store.begin(key, options),
      read,
    );
    if (begun.kind === "granted") await this.#goOn(key, { runId, epoch: begun.epoch }, begun.lower ?? 0);
  }

  /** Some checkpoints and an end; any of them may be left out, as by a process that died. */
  async #goOn(key: StreamKey, run: RunOf, lower: number): Promise<void> {
    let cursor = lower;
    for (let sequence = 1; this.#random() < 0.6; sequence++) {
      cursor = this.#further(cursor);
      const asked: Asked = { kind: "checkpoint", run, sequence, cursor };
      const position = { ...emptyPosition, watermark: String(cursor) };
      const checkpoint = { sequence, position, recordsProcessed: sequence };
      const call = (): Promise<unknown> => this.#store.checkpoint(this.#ref(key, run), checkpoint);
      let answered = await this.#call(key, asked, call, () => done);
      // Whoever was not answered asks again, as the protocol lets him.
      if (answered.kind === "unknown") answered = await this.#call(key, asked, call, () => done);
      if (answered.kind !== "done") return;
    }
    const how = this.#random();
    if (how < 0.1) return;
    if (how < 0.2) {
      await this.#call(
        key,
        { kind: "fail", run },
        () => this.#store.fail(this.#ref(key, run), { error: "x" }),
        () => done,
      );
      return;
    }
    cursor = this.#further(cursor);
    const end = (): Promise<StreamState> =>
      this.#store.complete(this.#ref(key, run), { newCursor: String(cursor) });
    await this.#call(key, { kind: "complete", run, cursor }, end, () => done);
  }

  /** Mostly ahead, to a value that no other client takes; now and then back. */
  #further(cursor: number): number {
    const { stores } = this.#workload;
    const steps = this.#random() < 0.08 ? -1 : 1 + Math.floor(this.#random() * 3);
    return (Math.floor(cursor / stores.length) + steps) * stores.length + this.#number;
  }

  #ref(key: StreamKey, run: RunOf) {
    return { key, kind: "live", ...run } as const;
  }

  #random(): number {
    return this.#workload.random();
  }

  #call<T>(
    key: StreamKey,
    asked: Asked,
    call: () => Promise<T>,
    read: (value: T) => Answered,
  ): Promise<Answered> {
    return this.#workload.history.record(this.#number, key.stream, asked, call, read);
  }
}

const done: Answered = { kind: "done" };

function seenOf(state: StreamState | null) {
  if (state === null) return { epoch: 0, runId: null, status: "idle", watermark: null, sequence: 0 };
  const { epoch, runId, status, cursor, sequence } = state;
  return { epoch, runId, status, sequence, watermark: cursor === null ? null : Number(cursor.value) };
}

/**
 * The calls of one stream, ready to be checked. What became of a begin without an answer is looked up in
 * the stream's history of runs, once all is quiet: where it is there it was granted, with that epoch.
 */
export function callsOf(history: History, stream: string, runs: readonly RunRecord[]): Call[] {
  const epochs = new Map(runs.map(({ runId, epoch }) => [runId, epoch]));
  return history.calls
    .filter((call) => call.stream === stream)
    .flatMap((call) => {
      const { asked, answered } = call;
      if (asked.kind !== "begin" || answered.kind === "granted") return [call];
      if (answered.kind === "refused" && answered.code !== "RUN_SUPERSEDED") return [call];
      const epoch = epochs.get(asked.runId);
      if (epoch === undefined) return [];
      return [{ ...call, answered: { kind: "granted", epoch, lower: undefined } as const }];
    });
}
