import { type HttpPollingKeys, type ReadResult, readOnce } from "./http-polling.ts";
import { type HttpHandler, type SeenRequest, sendJson, startHttpServer } from "./http-server.ts";

export const rows = (count: number): { id: number; at: number }[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, at: index + 1 }));

export function number(request: SeenRequest, name: string, otherwise = 0): number {
  return Number(request.url.searchParams.get(name) ?? otherwise);
}

export interface Paged {
  readonly list?: readonly object[];
  /** The most that the source grants, whatever it is asked for. */
  readonly granted?: number;
  /** What it gives of a page that it has cut. */
  readonly filter?: (row: object) => boolean;
  readonly more?: (page: number, records: readonly object[]) => object;
  /** How it answers past its end; an empty list by default. */
  readonly pastEnd?: (last: readonly object[]) => readonly [status: number, body: unknown];
}

/** A source of pages by number or by offset. */
export function paged({
  list = rows(7),
  granted = 3,
  filter = () => true,
  more,
  pastEnd,
}: Paged): HttpHandler {
  return (request, response) => {
    const size = Math.min(number(request, "limit", granted), granted);
    const page = number(request, "page", 1);
    const from = request.url.searchParams.has("offset") ? number(request, "offset") : (page - 1) * size;
    const lastFrom = Math.floor((list.length - 1) / size) * size;
    if (from >= list.length && pastEnd !== undefined) {
      const [status, body] = pastEnd(list.slice(lastFrom));
      response.statusCode = status;
      if (body === undefined) response.end();
      else sendJson(response, body);
      return;
    }
    const records = list.slice(from, from + size).filter(filter);
    sendJson(response, { list: records, ...more?.(page, records) });
  };
}

type Paging = HttpPollingKeys["pagination"];
export const byPage = { type: "page", param: "page", limitParam: "limit", limit: 5 } as const;
export const byOffset = { type: "offset", param: "offset", limitParam: "limit", limit: 5 } as const;
export const bySeek = { type: "seek", limitParam: "limit", limit: 5, offsetParam: "skip" } as const;

export interface Asked extends ReadResult {
  readonly requests: number;
}

export async function read(
  handler: HttpHandler,
  pagination: Paging,
  { facts, keys = {} }: { facts?: ReadonlySet<string>; keys?: Partial<HttpPollingKeys> } = {},
): Promise<Asked> {
  await using server = await startHttpServer(handler);
  const declared = { endpoint: server.origin, dataField: "list", key: "id", pagination, ...keys };
  const result = await readOnce(declared, {}, facts);
  return { ...result, requests: server.seen.length };
}

export const idsOf = ({ records }: ReadResult): unknown[] => records.map(({ id }) => id);
export const upTo = (count: number): number[] => rows(count).map(({ id }) => id);
