/**
 * The ports: the interfaces of the parts that the engine drives. An input gives pages of records, filters change them,
 * an output takes batches and commits them. A pipeline is one of each with a stream's name.
 */
export type { PartitionMove } from "../state/contract.ts";
export type { Filter, FilterContext } from "./filter.ts";
export type {
  CursorField,
  CursorRole,
  Incremental,
  NullCursorPolicy,
  Slices,
  Start,
} from "./incremental.ts";
export { cursorRoles } from "./incremental.ts";
export type { ClockAhead, Input, InputContext, InputSession, Page, ReadRequest, Window } from "./input.ts";
export type {
  DeadLetter,
  DeadLetterSink,
  DeadLetterStore,
  ErrorPolicy,
  LetterEntry,
  LetterMark,
  LetterStage,
  LettersFound,
  OnError,
  Refusal,
  RefusalLimit,
  Refusals,
} from "./on-error.ts";
export { errorPolicies, letterMarks, letterStages } from "./on-error.ts";
export type {
  Batch,
  Commit,
  CommitPosition,
  Committed,
  ExclusiveResource,
  Outcome,
  Output,
  OutputContext,
  OutputGuarantee,
  OutputReader,
  OutputSession,
  Receipt,
} from "./output.ts";
export { outputGuarantees } from "./output.ts";
export type { PartContext, Warn } from "./part-context.ts";
export type { ConcurrencyPolicy, Pipeline } from "./pipeline.ts";
export { concurrencyPolicies } from "./pipeline.ts";
