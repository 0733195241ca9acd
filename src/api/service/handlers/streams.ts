import { TidemarkError } from "../../../errors.ts";
import { decodePosition } from "../../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import type { Listing } from "../../../state/contract.ts";
import type { ExportedStream } from "../../../state/exported.ts";
import { auditRecordToWire, runRecordToWire } from "../../contracts/history.ts";
import {
  pruneFromWire,
  resetFromWire,
  rewindFromWire,
  stopFromWire,
  stoppingToWire,
} from "../../contracts/operator.ts";
import { backfillToWire, partitionToWire } from "../../contracts/partition.ts";
import type { StreamRouteName } from "../../contracts/routes.ts";
import { exportFromWire, exportToWire, streamToWire } from "../../contracts/stream.ts";
import { unreadableToWire } from "../../contracts/unreadable.ts";
import { intervalsToWire } from "../../contracts/values.ts";
import { listVisible } from "../visible-streams.ts";
import { type Handlers, operatorOf } from "./handler.ts";
import { runHandlers, sent } from "./runs.ts";

/** Queries about streams, and operators' acts on them. */
export const streamHandlers: Handlers<StreamRouteName> = {
  ...runHandlers,

  async listStreams({ state, principal, query }) {
    const filter = query.unreadable === undefined ? {} : { unreadable: query.unreadable };
    const page = await listVisible(state, principal, {
      ...pageOptions(query),
      ...connectorOf(query),
      ...filter,
    });
    const { unreadable = [] } = page;
    return {
      ...pageToWire(page, (item) => streamToWire(item, query.include === "position")),
      ...(unreadable.length === 0 ? {} : { unreadable: unreadable.map(unreadableToWire) }),
    };
  },

  async getStream({ state, params, query }) {
    const stored = await state.get(params);
    if (stored === null) throw notFound(params);
    return streamToWire(stored, query.include === "position");
  },

  async stop({ state, principal, params, body }) {
    return stoppingToWire(await state.stop(params, stopFromWire(body, operatorOf(principal, body.actor))));
  },

  async reset({ state, principal, params, query, body }) {
    const after = await state.reset(params, resetFromWire(body, operatorOf(principal, body.actor)));
    return streamToWire(after, query.include === "position");
  },

  async rewind({ state, principal, params, query, body }) {
    const after = await state.rewind(params, rewindFromWire(body, operatorOf(principal, body.actor)));
    return streamToWire(after, query.include === "position");
  },

  async import({ state, principal, params, query, body }) {
    const exported = exportFromWire({ ...body.state, ...params });
    assertPositionsReadable(exported);
    const act = { reason: body.reason, actor: operatorOf(principal, body.actor) };
    return streamToWire(await state.import(exported, act), query.include === "position");
  },

  async export({ state, params }) {
    return exportToWire(await state.export(params));
  },

  async runs({ state, params, query }) {
    return pageToWire(await state.runs(params, pageOptions(query)), runRecordToWire);
  },

  async audit({ state, params, query }) {
    return pageToWire(
      await state.audit({ key: params, ...orderOf(query), ...pageOptions(query) }),
      auditRecordToWire,
    );
  },

  async auditLog({ state, query }) {
    return pageToWire(await state.audit({ ...orderOf(query), ...pageOptions(query) }), auditRecordToWire);
  },

  async verifyStreamAudit({ state, params }) {
    return { verified: true, ...(await state.verifyAudit({ key: params })) };
  },

  async verifyAudit({ state, keys }) {
    const streams = await state.verifyAudit();
    const ofKeys = await keys?.verifyAudit();
    return { verified: true, ...streams, ...(ofKeys === undefined ? {} : { key_rows: ofKeys.rows }) };
  },

  async partitions({ state, params, query }) {
    return pageToWire(await state.partitions(params, pageOptions(query)), partitionToWire);
  },

  async partition({ state, params, query }) {
    const { partition, ...key } = params;
    const found = await state.partition(key, partition, {
      ...(query.backfill === undefined ? {} : { backfill: query.backfill }),
      compare: query.compare === "log",
    });
    if (found === null) throw noPartition(key, partition);
    return partitionToWire(found);
  },

  async coverage({ state, params, query }) {
    const { partition } = query;
    const covered = await state.coverage(params, partition === undefined ? {} : { partition });
    return { intervals: intervalsToWire(covered) };
  },

  async backfills({ state, params, query }) {
    const found = await state.backfills(params, query.limit === undefined ? {} : { limit: query.limit });
    return { items: found.map(backfillToWire) };
  },

  async prune({ state, params, body }) {
    return state.prune({ ...pruneFromWire(body), key: params });
  },

  async pruneAll({ state, body }) {
    return state.prune(pruneFromWire(body));
  },
};

function pageOptions(query: { cursor?: string | undefined; limit?: number | undefined }): {
  after?: string;
  limit?: number;
} {
  return {
    ...(query.cursor === undefined ? {} : { after: query.cursor }),
    ...(query.limit === undefined ? {} : { limit: query.limit }),
  };
}

function connectorOf(query: { connector?: string | undefined }): { connector?: string } {
  return query.connector === undefined ? {} : { connector: query.connector };
}

function orderOf(query: { order?: "oldest" | "newest" | undefined }): { order?: "oldest" | "newest" } {
  return query.order === undefined ? {} : { order: query.order };
}

function pageToWire<Item, Wire>(
  page: Listing<Item>,
  toWire: (item: Item) => Wire,
): { items: Wire[]; next_cursor: string | null } {
  return { items: page.items.map(toWire), next_cursor: page.next };
}

function assertPositionsReadable(exported: ExportedStream): void {
  sent(() => {
    decodePosition(exported.position, "the position that was sent");
    for (const { partition, position } of exported.partitions ?? []) {
      decodePosition(position, `the position of partition ${partition} that was sent`);
    }
  });
}

function notFound(key: StreamKey): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("STREAM_NOT_FOUND", `no state is stored for ${stream}`, {
    stream,
    hint: "A stream appears with its first begin.",
  });
}

function noPartition(key: StreamKey, partition: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("PARTITION_NOT_FOUND", `nothing is known of partition ${partition} of ${stream}`, {
    stream,
  });
}
