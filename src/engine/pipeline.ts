import type { StreamKey } from "../model/stream-key.ts";
import type { Filter } from "./filter.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** What to do when another run of the stream holds its lease. */
export const concurrencyPolicies = ["skip", "wait", "takeover"] as const;
export type ConcurrencyPolicy = (typeof concurrencyPolicies)[number];

/** A pipeline, ready to run: made by `definePipeline` or read by `loadPipelines`. */
export interface Pipeline {
  readonly name: string;
  readonly key: StreamKey;
  readonly onConcurrentRun: ConcurrencyPolicy;
  readonly leaseSeconds: number;
  /** How long a live run may take, in milliseconds; null or absent is no limit. */
  readonly deadlineMs?: number | null;
  readonly input: Input;
  readonly filters: readonly Filter[];
  readonly output: Output;
}
