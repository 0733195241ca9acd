import type { AuditRecord, Listing, RunRecord, StreamState } from "../state/contract.ts";

/** A stream as `--json` gives it. */
export function streamJson(state: StreamState): Record<string, unknown> {
  const { lease } = state;
  return {
    connector: state.key.connector,
    stream: state.key.stream,
    cursor_type: state.cursorType,
    cursor_value: state.position.watermark,
    status: state.status,
    epoch: state.epoch,
    run_id: state.runId,
    started_at_utc: state.startedAtUtc,
    lease:
      lease === null
        ? null
        : { seconds: lease.seconds, expires_at_utc: lease.expiresAtUtc, owner: lease.owner },
    last_error: state.lastError,
    records_processed: state.recordsProcessed,
    metadata: state.metadata,
    updated_at_utc: state.updatedAtUtc,
  };
}

/** A row of the history as `--json` gives it. */
export function runJson(run: RunRecord): Record<string, unknown> {
  return {
    connector: run.key.connector,
    stream: run.key.stream,
    run_id: run.runId,
    kind: run.kind,
    epoch: run.epoch,
    outcome: run.outcome,
    started_at_utc: run.startedAtUtc,
    ended_at_utc: run.endedAtUtc,
    lower_bound: run.lowerBound,
    new_cursor: run.newCursor,
    records_processed: run.recordsProcessed,
    checkpoints: run.checkpoints,
    error: run.error,
    metadata: run.metadata,
    actor: run.actor,
  };
}

/** A row of the audit log as `--json` gives it. */
export function auditJson(row: AuditRecord): Record<string, unknown> {
  return {
    connector: row.key.connector,
    stream: row.key.stream,
    number: row.number,
    partition: row.partition,
    at_utc: row.atUtc,
    actor: row.actor,
    action: row.action,
    old_cursor: row.oldCursor,
    new_cursor: row.newCursor,
    reason: row.reason,
    run_id: row.runId,
    hash: row.hash,
  };
}

/** The most that a store lists at a time. */
const pageSize = 1000;

/** Everything that a listing holds, page by page, `most` items at the most. */
export async function* pagesOf<Item>(
  list: (options: { after?: string; limit: number }) => Promise<Listing<Item>>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly Item[]> {
  let left = most;
  let after: string | undefined;
  while (left > 0) {
    const limit = Math.min(pageSize, left);
    const { items, next } = await list(after === undefined ? { limit } : { after, limit });
    if (items.length > 0) yield items;
    if (next === null) return;
    left -= items.length;
    after = next;
  }
}

/** The same pages, each item as another. */
export async function* mapPages<Item, Made>(
  pages: AsyncIterable<readonly Item[]>,
  make: (item: Item) => Made,
): AsyncGenerator<readonly Made[]> {
  for await (const items of pages) yield items.map(make);
}
