import type { ReadRequest } from "../../src/engine/ports.ts";
import { type HttpPollingKeys, type ReadResult, readOnce } from "./http-polling.ts";
import type { Row, SortedSource } from "./sorted-source.ts";

/** Rows of these ticks, numbered from 1. */
export const rowsAt = (...ticks: number[]): Row[] => ticks.map((tick, index) => ({ id: index + 1, tick }));

interface Reading {
  readonly limit: number;
  readonly bound?: "inclusive" | "exclusive";
  readonly offset?: boolean;
  readonly keys?: HttpPollingKeys;
  readonly request?: Partial<ReadRequest>;
  readonly facts?: ReadonlySet<string>;
}

/** One read of a sorted source by `pagination: seek`. */
export function readBySeek(source: SortedSource, reading: Reading): Promise<ReadResult> {
  const { limit, bound = "inclusive", offset = true, keys, request, facts } = reading;
  return readOnce(
    {
      endpoint: source.origin,
      dataField: "list",
      key: "id",
      pagination: {
        type: "seek",
        limitParam: "limit",
        limit,
        ...(offset ? { offsetParam: "skip" } : {}),
      },
      statePersistence: {
        timestamp: { field: "at", queryParam: "since", bound, granularity: "1us" },
        order: "ascending",
      },
      ...keys,
    },
    request,
    facts,
  );
}

export const ids = ({ records }: ReadResult): unknown[] => records.map(({ id }) => id);
