/**
 * Tidemark's library: durable, typed, fenced cursors for incremental sync. Everything a user needs
 * is exported here by name; `tidemark/testing` has what authors of stores, inputs and outputs need.
 */
import "./node-version.ts";

export { type Clock, systemClock } from "./clock.ts";
export {
  type CompletedDeltaRun,
  type CursorInput,
  type DeltaRun,
  type DeltaRunOptions,
  type DeltaRunResult,
  deltaRun,
  type OnConcurrentRun,
  type SkippedDeltaRun,
} from "./delta-run/delta-run.ts";
export { type ResolveSinceOptions, resolveSince } from "./delta-run/resolve-since.ts";
export {
  type Connector,
  type ConnectorItem,
  type ConnectorRequest,
  defineConnector,
} from "./engine/connector/connector.ts";
export { type ConnectorInputOptions, connectorInput } from "./engine/connector/connector-input.ts";
export {
  type ConnectorSyncOptions,
  type ConnectorSyncResult,
  type SyncCheckpoint,
  SyncEngine,
  type SyncEngineOptions,
} from "./engine/connector/sync-engine.ts";
export type { FilterAccount, FilterCount } from "./engine/filter-account.ts";
export type {
  Batch,
  Commit,
  CommitPosition,
  Committed,
  DeadLetter,
  DeadLetterSink,
  DeadLetterStore,
  ErrorPolicy,
  ExclusiveResource,
  Filter,
  FilterContext,
  Incremental,
  Input,
  InputContext,
  InputSession,
  LetterEntry,
  LetterMark,
  LetterStage,
  LettersFound,
  OnError,
  Output,
  OutputContext,
  OutputGuarantee,
  OutputReader,
  OutputSession,
  Page,
  PartContext,
  Pipeline,
  ReadRequest,
  Refusal,
  RefusalLimit,
  Refusals,
  Window,
} from "./engine/ports.ts";
export { type ReplayOptions, type ReplayResult, replayDeadLetters } from "./engine/refusals/replay.ts";
export type { ReplayedLetter, ReplayOutcome } from "./engine/refusals/replay-session.ts";
export {
  attemptBackfill,
  type BackfillOptions,
  type BackfillRange,
  type BackfillResult,
  backfill,
} from "./engine/run/backfill.ts";
export { type FaultInjector, type FaultPoint, faultPoints } from "./engine/run/fault-points.ts";
export { type PreviewOptions, preview } from "./engine/run/preview.ts";
export type { Progress } from "./engine/run/progress.ts";
export type { RunResult, RunStatus, RunWarning } from "./engine/run/result.ts";
export { attemptSync, sync } from "./engine/run/sync.ts";
export type { SyncOptions } from "./engine/run/sync-options.ts";
export { unreadableRecord } from "./engine/tracking/unreadable-record.ts";
export { type VerifyOptions, verify } from "./engine/verify/verify.ts";
export type { Difference } from "./engine/verify/verify-records.ts";
export type { VerifiedInterval, VerifiedRange, VerifyResult } from "./engine/verify/verify-result.ts";
export { type ErrorCode, errorCodes, isTidemarkError, type SourceLocation, TidemarkError } from "./errors.ts";
export { type Cursor, type CursorType, compareCursors, cursorTypes, parseCursor } from "./model/cursor.ts";
export { ExactNumber } from "./model/exact-number.ts";
export {
  type CursorRange,
  decodePosition,
  emptyPosition,
  encodePosition,
  type Order,
  type Position,
  type TieMember,
} from "./model/position.ts";
export type { SourceRecord } from "./model/record.ts";
export type { StreamKey } from "./model/stream-key.ts";
export { type CursorFormat, isoFormat } from "./model/timestamp.ts";
export { type ModuleOutputOptions, moduleOutput } from "./outputs/module/module-output.ts";
export type { ModuleRefusal, ModuleRefusals } from "./outputs/module/module-refusals.ts";
export {
  defineOutputModule,
  type ModuleOutput,
  type ModuleOutputContext,
  type ModuleOutputSession,
  type OutputModule,
} from "./outputs/module/output-module.ts";
export { defineOutput, definePipeline, type PipelineDefinition } from "./pipeline/define.ts";
export { checkPipelines, loadPipelines } from "./pipeline/load.ts";
export {
  defineStreams,
  type StreamDeclaration,
  type StreamsDefinition,
} from "./pipeline/streams/define-streams.ts";
export type { StreamSet } from "./pipeline/streams/stream-set.ts";
export type {
  AuditRecord,
  BackfillState,
  BeginOptions,
  Checkpoint,
  Completion,
  Failure,
  Listing,
  Metadata,
  OperatorAct,
  PartitionMove,
  PartitionOptions,
  PartitionState,
  Reset,
  Rewind,
  Run,
  RunRecord,
  RunRef,
  StateStore,
  StreamState,
  WriteContext,
} from "./state/contract.ts";
export { type CurrentState, currentState } from "./state/current-state.ts";
export type { ExportedPartition, ExportedStream } from "./state/exported.ts";
export type { Retention } from "./state/retention.ts";
export type { StatementRunner } from "./state/statement-runner.ts";
export type {
  Heartbeat,
  RunStopping,
  Stop,
  StoppingRun,
  StopRequest,
} from "./state/stop-requests.ts";
export { defaultStateUrl, type OpenStateOptions, openState } from "./state/storage/open.ts";
export type { ListOptions, UnreadableStream, WithUnreadable } from "./state/unreadable.ts";
