import type { Listing, StreamState } from "../state/contract.ts";

/** A stream as `--json` gives it. */
export function streamJson(state: StreamState): Record<string, unknown> {
  const { lease } = state;
  return {
    connector: state.key.connector,
    stream: state.key.stream,
    cursor_type: state.cursorType,
    cursor_value: state.cursorText ?? state.position.watermark,
    status: state.status,
    epoch: state.epoch,
    run_id: state.runId,
    started_at_utc: state.startedAtUtc,
    lease:
      lease === null
        ? null
        : { seconds: lease.seconds, expires_at_utc: lease.expiresAtUtc, owner: lease.owner },
    stop_requested: state.stopRequested,
    last_error: state.lastError,
    records_processed: state.recordsProcessed,
    metadata: state.metadata,
    updated_at_utc: state.updatedAtUtc,
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

/** Items that are all at hand, as the pages of a listing. */
export async function* onePage<Item>(items: readonly Item[]): AsyncGenerator<readonly Item[]> {
  yield items;
}
