import { isTidemarkError } from "../../../src/errors.ts";

/** A run as its client knows it. */
export interface RunOf {
  readonly runId: string;
  readonly epoch: number;
}

/** What a client asked of a stream. */
export type Asked =
  | { readonly kind: "begin"; readonly runId: string; readonly refuse: boolean }
  | {
      readonly kind: "checkpoint";
      readonly run: RunOf;
      readonly sequence: number;
      readonly cursor: number;
    }
  | { readonly kind: "complete"; readonly run: RunOf; readonly cursor: number }
  | { readonly kind: "fail"; readonly run: RunOf }
  | { readonly kind: "get" };

/** A stream as a client saw it; of one that never began everything is 0 or null. */
export interface Seen {
  readonly epoch: number;
  readonly runId: string | null;
  readonly status: string;
  readonly watermark: number | null;
  readonly sequence: number;
}

export type Answered =
  /** `lower` is undefined where the grant itself was lost and only its effect is known. */
  | { readonly kind: "granted"; readonly epoch: number; readonly lower: number | null | undefined }
  | { readonly kind: "done" }
  | { readonly kind: "seen"; readonly stream: Seen }
  /** `maybeDone`: an earlier attempt of the same call may have been carried out. */
  | { readonly kind: "refused"; readonly code: string; readonly maybeDone: boolean }
  /** No answer came: it may have been carried out, may yet be, or never will be. */
  | { readonly kind: "unknown" };

/** A call with the moments between which it was carried out, by one count for all clients. */
export interface Call {
  readonly client: number;
  readonly stream: string;
  readonly asked: Asked;
  readonly answered: Answered;
  readonly from: number;
  /** Null where that is not known. */
  readonly until: number | null;
}

/** Writes down what clients of one process ask and are answered. */
export class History {
  readonly calls: Call[] = [];
  #moments = 0;

  async record<T>(
    client: number,
    stream: string,
    asked: Asked,
    call: () => Promise<T>,
    read: (value: T) => Answered,
  ): Promise<Answered> {
    const from = this.#moments++;
    const answered = await call().then(read, refusal);
    const until = answered.kind === "unknown" ? null : this.#moments++;
    this.calls.push({ client, stream, asked, answered, from, until });
    return answered;
  }
}

function refusal(error: unknown): Answered {
  if (!isTidemarkError(error)) throw error;
  if (error.code === "STATE_UNAVAILABLE" || error.code === "INTERNAL") return { kind: "unknown" };
  return { kind: "refused", code: error.code, maybeDone: error.details?.outcome_unknown === true };
}
