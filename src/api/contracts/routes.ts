import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";
import { auditRecord, runRecord, verifiedAudit } from "./history.ts";
import {
  importRequest,
  pruned,
  pruneRequest,
  resetRequest,
  rewindRequest,
  stoppingRun,
  stopRequest,
} from "./operator.ts";
import { backfillList, coverage, partitionState } from "./partition.ts";
import {
  beginRequest,
  checkpointAnswer,
  checkpointRequest,
  completeRequest,
  failRequest,
  grantedRun,
  heartbeatAnswer,
  runReference,
} from "./run.ts";
import { exportedStream, streamState } from "./stream.ts";
import { unreadableStream } from "./unreadable.ts";
import {
  backfillId,
  connectorName,
  includeQuery,
  limitQuery,
  pageOf,
  pageQuery,
  partitionName,
  pathSegment,
  streamName,
} from "./values.ts";

/** What a key may do; each scope holds those before it. */
export const scopes = ["read", "run", "admin"] as const;
export type Scope = (typeof scopes)[number];

/**
 * One route of the service: its request, its response, and the scope that it needs. Validation, the OpenAPI document,
 * the clients and the tests are all made from these.
 */
export interface WireRoute {
  readonly method: "get" | "post";
  /** With `{connector}` and so on in the place of names. Each name is one segment of the path. */
  readonly path: string;
  readonly params?: z.ZodObject;
  readonly scope: Scope;
  readonly summary: string;
  readonly description: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A body may be left out where every field may. */
  readonly bodyOptional?: boolean;
  readonly answer: z.ZodType;
  /** Its error codes, in addition to those of every route. */
  readonly refusals: readonly ErrorCode[];
}

const ofStream = "/v1/streams/{connector}/{stream}";

const streamParams = z.object({ connector: connectorName, stream: streamName });
const partitionParams = streamParams.extend({ partition: partitionName });

const auditQuery = pageQuery.extend({
  order: z.enum(["oldest", "newest"]).optional().meta({
    description: "`oldest` (default) by stream and number; `newest` from the newest row back.",
  }),
});

const fenced = ["STREAM_NOT_FOUND", "RUN_SUPERSEDED", "RUN_FINISHED"] as const;
const aboutCursors = ["CURSOR_REGRESSION", "CURSOR_TYPE_MISMATCH"] as const;

export const streamRoutes = {
  listStreams: {
    method: "get",
    path: "/v1/streams",
    scope: "read",
    summary: "List the streams",
    description: "All streams that the key may see, by connector and stream.",
    query: pageQuery.extend({
      connector: connectorName.optional().meta({ description: "Only the streams of this connector." }),
      unreadable: z.literal("include").optional().meta({
        description:
          "`include`: streams that cannot be read are listed as `unreadable`. Without it, one such stream fails the request.",
      }),
      ...includeQuery.shape,
    }),
    answer: pageOf(streamState).extend({ unreadable: z.array(unreadableStream).optional() }),
    refusals: ["STATE_UNREADABLE"],
  },
  getStream: {
    method: "get",
    path: ofStream,
    params: streamParams,
    scope: "read",
    summary: "A stream's current state",
    description:
      "The stream's state, to decide by: whether a run is on, since when, and where the watermark is.",
    query: includeQuery,
    answer: streamState,
    refusals: ["STREAM_NOT_FOUND"],
  },
  begin: {
    method: "post",
    path: `${ofStream}/begin`,
    params: streamParams,
    scope: "run",
    summary: "Begin a run",
    description:
      "Grants a run: epoch + 1, and the watermark as `lower_bound_cursor`. A run that is still running is superseded, unless `if_running` is `refuse`: the answer is then 409. Give a `run_id` of your own to be able to repeat the request.",
    query: includeQuery,
    body: beginRequest,
    bodyOptional: true,
    answer: grantedRun,
    refusals: ["RUN_ACTIVE", "RUN_FINISHED", "RUN_SUPERSEDED", "CURSOR_TYPE_MISMATCH"],
  },
  checkpoint: {
    method: "post",
    path: `${ofStream}/checkpoint`,
    params: streamParams,
    scope: "run",
    summary: "Store how far a run has come",
    description:
      "Moves the watermark midway and renews the lease. Send it only when everything before it is delivered. Repeating the same sequence is harmless.",
    body: checkpointRequest,
    answer: checkpointAnswer,
    refusals: [...fenced, "CHECKPOINT_OUT_OF_ORDER", ...aboutCursors],
  },
  heartbeat: {
    method: "post",
    path: `${ofStream}/heartbeat`,
    params: streamParams,
    scope: "run",
    summary: "Renew a run's lease",
    description: "For runs that are silent for longer than their lease.",
    body: runReference,
    answer: heartbeatAnswer,
    refusals: fenced,
  },
  complete: {
    method: "post",
    path: `${ofStream}/complete`,
    params: streamParams,
    scope: "run",
    summary: "Complete a run",
    description:
      "Advances the watermark, audited. A timestamp, number, text or offset must not be lower than before; an opaque token may be any. Repeating it is harmless; with another cursor it is refused.",
    query: includeQuery,
    body: completeRequest,
    answer: streamState,
    refusals: [...fenced, ...aboutCursors, "CURSOR_NOT_SET"],
  },
  fail: {
    method: "post",
    path: `${ofStream}/fail`,
    params: streamParams,
    scope: "run",
    summary: "Fail a run",
    description: "The watermark stays at the run's last checkpoint; the next begin hands it out again.",
    query: includeQuery,
    body: failRequest,
    answer: streamState,
    refusals: fenced,
  },
  stop: {
    method: "post",
    path: `${ofStream}/stop`,
    params: streamParams,
    scope: "run",
    summary: "Ask a run to stop",
    description:
      "The run that is at work learns of it from the answer to its next heartbeat or checkpoint, stops at its next checkpoint, and ends as failed with `RUN_STOPPED`. Audited, once for each run; repeating it is harmless.",
    body: stopRequest,
    bodyOptional: true,
    answer: stoppingRun,
    refusals: ["STREAM_NOT_FOUND", "RUN_NOT_FOUND", "RUN_FINISHED", "STATE_EDITED"],
  },
  reset: {
    method: "post",
    path: `${ofStream}/reset`,
    params: streamParams,
    scope: "admin",
    summary: "Set the watermark by hand",
    description:
      "Audited with its reason. A running run is superseded. A stream that is not stored is made only where `cursor_type` says what its cursors are; otherwise the answer is 404.",
    query: includeQuery,
    body: resetRequest,
    answer: streamState,
    refusals: ["STREAM_NOT_FOUND", "CURSOR_INVALID"],
  },
  rewind: {
    method: "post",
    path: `${ofStream}/rewind`,
    params: streamParams,
    scope: "admin",
    summary: "Go back to an earlier run",
    description:
      "Sets the stream back to its position at the end of that run, audited. A running run is superseded.",
    query: includeQuery,
    body: rewindRequest,
    answer: streamState,
    refusals: ["STREAM_NOT_FOUND", "RUN_NOT_FOUND", "CURSOR_TYPE_MISMATCH"],
  },
  runs: {
    method: "get",
    path: `${ofStream}/runs`,
    params: streamParams,
    scope: "read",
    summary: "A stream's history",
    description: "Its runs, newest first.",
    query: pageQuery,
    answer: pageOf(runRecord),
    refusals: ["STREAM_NOT_FOUND"],
  },
  audit: {
    method: "get",
    path: `${ofStream}/audit`,
    params: streamParams,
    scope: "read",
    summary: "A stream's audit log",
    description: "Every move of its watermark: who, when, from where, to where, why.",
    query: auditQuery,
    answer: pageOf(auditRecord),
    refusals: [],
  },
  verifyStreamAudit: {
    method: "get",
    path: `${ofStream}/audit/verify`,
    params: streamParams,
    scope: "read",
    summary: "Verify a stream's audit log",
    description: "Recomputes the hash chain and names the first row that is altered, missing or moved.",
    answer: verifiedAudit,
    refusals: ["AUDIT_BROKEN"],
  },
  export: {
    method: "get",
    path: `${ofStream}/export`,
    params: streamParams,
    scope: "read",
    summary: "Export a stream's state",
    description: "All of it, in the form that `import` and `tidemark state import` take.",
    answer: exportedStream,
    refusals: ["STREAM_NOT_FOUND"],
  },
  import: {
    method: "post",
    path: `${ofStream}/import`,
    params: streamParams,
    scope: "admin",
    summary: "Import a stream's state",
    description: "Sets the stream to the state in an export, audited. A running run is superseded.",
    query: includeQuery,
    body: importRequest,
    answer: streamState,
    refusals: ["STATE_UNREADABLE", "STATE_TOO_NEW", "CURSOR_TYPE_MISMATCH"],
  },
  partitions: {
    method: "get",
    path: `${ofStream}/partitions`,
    params: streamParams,
    scope: "read",
    summary: "A stream's partitions",
    description: "By name, each with its position.",
    query: pageQuery,
    answer: pageOf(partitionState),
    refusals: ["STREAM_NOT_FOUND"],
  },
  partition: {
    method: "get",
    path: `${ofStream}/partitions/{partition}`,
    params: partitionParams,
    scope: "read",
    summary: "A partition's current state",
    description:
      "In the live stream, or in a backfill. With `compare=log` it is compared with the audit log, for a run that is to read it.",
    query: z.object({ backfill: backfillId.optional(), compare: z.literal("log").optional() }),
    answer: partitionState,
    refusals: ["PARTITION_NOT_FOUND", "STATE_EDITED"],
  },
  coverage: {
    method: "get",
    path: `${ofStream}/coverage`,
    params: streamParams,
    scope: "read",
    summary: "The ranges that are known to be delivered completely",
    description: "By live runs and by finished backfills, of the stream or of one partition.",
    query: z.object({ partition: partitionName.optional() }),
    answer: coverage,
    refusals: [],
  },
  backfills: {
    method: "get",
    path: `${ofStream}/backfills`,
    params: streamParams,
    scope: "read",
    summary: "A stream's backfills",
    description: "First those that are not completed, each the newest first.",
    query: limitQuery,
    answer: backfillList,
    refusals: [],
  },
  prune: {
    method: "post",
    path: `${ofStream}/prune`,
    params: streamParams,
    scope: "admin",
    summary: "Delete a stream's old runs",
    description: "From the history; the audit log keeps all. What is deleted cannot be rewound to.",
    body: pruneRequest,
    answer: pruned,
    refusals: [],
  },
  pruneAll: {
    method: "post",
    path: "/v1/prune",
    scope: "admin",
    summary: "Delete old runs of every stream",
    description: "For keys that are not bound to connectors.",
    body: pruneRequest,
    answer: pruned,
    refusals: [],
  },
  auditLog: {
    method: "get",
    path: "/v1/audit",
    scope: "read",
    summary: "The whole audit log",
    description: "Of all streams; for keys that are not bound to connectors.",
    query: auditQuery,
    answer: pageOf(auditRecord),
    refusals: [],
  },
  verifyAudit: {
    method: "get",
    path: "/v1/audit/verify",
    scope: "read",
    summary: "Verify the whole audit log",
    description: "Recomputes every stream's hash chain; for keys that are not bound to connectors.",
    answer: verifiedAudit,
    refusals: ["AUDIT_BROKEN"],
  },
} as const satisfies Record<string, WireRoute>;

export type StreamRouteName = keyof typeof streamRoutes;

/** The path of a route with its names filled in, percent-encoded. */
export function routePath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => pathSegment(params[name] ?? ""));
}
