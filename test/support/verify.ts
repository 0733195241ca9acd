import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { definePipeline, type Pipeline, sync, type VerifyOptions, verify } from "../../src/index.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { sendJson, startHttpServer } from "./http-server.ts";

interface Order {
  readonly id: number;
  readonly at: string;
  readonly note: string;
}

/** Several share each second; `count` of them. */
export const ordersOf = (count: number): Order[] =>
  Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    at: new Date(Date.UTC(2026, 0, 1, 0, 0, Math.floor(index / 3))).toISOString(),
    note: `order ${index + 1}`,
  }));

/** An API that gives the orders between two bounds, both inclusive, in pages by token. */
export async function startApi(orders: Order[]) {
  const requests: string[] = [];
  const server = await startHttpServer(({ url }, response) => {
    const query = url.searchParams;
    requests.push(url.search);
    const [since, until] = [query.get("since") ?? "", query.get("until") ?? "9999"];
    const found = orders
      .filter(({ at }) => at >= since && at <= until)
      .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.id - b.id));
    const start = Number(query.get("token") ?? 0);
    const next = start + 50 < found.length ? String(start + 50) : null;
    sendJson(response, { data: found.slice(start, start + 50), next });
  });
  return { server, requests };
}

export interface Shape {
  readonly bounded?: boolean;
  readonly order?: "ascending" | "unordered";
  readonly rename?: boolean;
  readonly dropCursor?: boolean;
}

export function pipelineOf(
  origin: string,
  output: Parameters<typeof definePipeline>[0]["output"],
  shape: Shape = {},
) {
  const { bounded = true, order = "ascending", rename = false, dropCursor = false } = shape;
  const mappings = [
    { source: "id", target: rename ? "number" : "id" },
    ...(dropCursor ? [] : [{ source: "at", target: rename ? "changed" : "at" }]),
    { source: "note", target: "note" },
  ];
  return definePipeline({
    name: "orders",
    input: {
      type: "httpPolling",
      endpoint: `${origin}/orders`,
      dataField: "data",
      key: "id",
      pagination: { type: "cursor", param: "token", nextCursorField: "next" },
      statePersistence: {
        timestamp: { field: "at", queryParam: "since" },
        ...(bounded ? { until: { queryParam: "until", bound: "inclusive" } } : {}),
        order,
      },
    },
    filters: rename || dropCursor ? [{ type: "mapping", mappings }] : [],
    output,
  });
}

export const sqlite = (folder: string, more: object = {}) =>
  ({
    type: "database",
    connectionString: `sqlite:${join(folder, "o.db")}`,
    table: "orders",
    key: "id",
    ...more,
  }) as const;

export function change(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "o.db"));
  database.exec(sql);
  database.close();
}

/** The pipeline's run, then `tamper`, then the comparison. */
export async function verified(
  pipeline: Pipeline,
  tamper: () => void | Promise<void>,
  options: Partial<VerifyOptions> = {},
) {
  const state = openMemoryState();
  await sync(pipeline, { state });
  const before = JSON.stringify(await state.get(pipeline.key));
  await tamper();
  const result = await verify(pipeline, { state, ...options });
  expect(JSON.stringify(await state.get(pipeline.key))).toBe(before);
  return result;
}

export const found = ({ differences }: Awaited<ReturnType<typeof verify>>): string[] =>
  differences.map(({ kind, key }) => `${kind} ${key}`).sort();
