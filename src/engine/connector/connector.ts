import { z } from "zod";
import { TidemarkError } from "../../errors.ts";
import { type CursorType, cursorTypes } from "../../model/cursor.ts";
import { kindOf } from "../../model/plain-object.ts";
import { streamNameProblem } from "../../model/stream-key.ts";
import { readUserConfig } from "../user-code/user-config.ts";

/** What a connector's `sync` receives. */
export interface ConnectorRequest<Config = unknown> {
  /**
   * When the read that the last completed run finished had begun, as ISO 8601 in UTC; null before the first. Changes
   * after this time may not have been read. It moves only when a run completes.
   */
  readonly since: string | null;
  /** The last cursor whose records are all delivered, even if that run failed later; null before the first. */
  readonly cursor: string | null;
  /** Aborts when the run is to stop; hand it on to `fetch` and the like. */
  readonly signal: AbortSignal;
  /** The configuration as `configSchema` parsed it; without a schema, the configuration as given. */
  readonly config: Config;
}

/**
 * One thing that a connector yields: a record, a list of records, a cursor, or records and the cursor
 * that covers them. A record is an object as JSON has it; dates and big integers may be in it.
 */
export type ConnectorItem =
  | { readonly record: object; readonly records?: never; readonly cursor?: string }
  | { readonly records: readonly object[]; readonly record?: never; readonly cursor?: string }
  | { readonly cursor: string; readonly record?: never; readonly records?: never };

/** A source in code; made by `defineConnector`. */
export interface Connector<Config = unknown> {
  /** The stream key's first half, such as `crm_eu`. */
  readonly id: string;
  /** The stream key's second half; `default` unless declared. */
  readonly stream?: string;
  /** What the cursors are: `opaque_token` unless declared. All others have an order and must only rise. */
  readonly cursorType?: CursorType;
  /** Checks and completes the configuration before `sync` is called. */
  readonly configSchema?: z.ZodType<Config>;
  sync(request: ConnectorRequest<Config>): AsyncIterable<ConnectorItem>;
}

/**
 * Makes a connector: a source in code, for `SyncEngine` and for pipelines with `type: module`.
 *
 * `sync` is called once a run and yields records and cursors until there is nothing more; then it returns. A yielded
 * cursor covers everything yielded before it: a later call with that cursor continues after it. A cursor is stored only
 * with or after the delivery of all that it covers, so a crash at any moment loses nothing; when a `yield` returns, its
 * records need not be written yet. Records that no cursor covers are yielded again by the run after a failure, so yield
 * cursors often, at least after every page, and once more at the end.
 *
 * A connector whose source has no cursor yields none, and filters by `since`. One that filters by `since` and pages by
 * tokens keeps both in its cursor, since a token is only valid with the `since` it was made for:
 *
 * ```ts
 * export default defineConnector({
 *   id: "crm",
 *   configSchema: z.strictObject({ url: z.url(), token: z.string() }),
 *   async *sync({ since, cursor, signal, config }) {
 *     const [asked, place] = JSON.parse(cursor ?? '[null, ""]');
 *     let token: string | null = asked === since ? place : "";
 *     while (token !== null) {
 *       const query = new URLSearchParams({ updated_since: since ?? "", page_token: token });
 *       const headers = { authorization: `Bearer ${config.token}` };
 *       const answer = await fetch(`${config.url}/contacts?${query}`, { headers, signal });
 *       if (!answer.ok) throw new Error(`the CRM answered ${answer.status}`);
 *       const page = await answer.json();
 *       token = page.next_token ?? null;
 *       yield { records: page.contacts, cursor: JSON.stringify([since, token]) };
 *     }
 *   },
 * });
 * ```
 *
 * An error of `sync` fails the run: `CONNECTOR_FAILED`, or the code of a thrown `TidemarkError`, such as
 * `SOURCE_UNAVAILABLE`. `defineConnector` throws `ARGUMENT_INVALID` for an invalid definition.
 */
export function defineConnector<Config = unknown>(connector: Connector<Config>): Connector<Config> {
  checkConnector(connector);
  return connector;
}

/** Throws `ARGUMENT_INVALID` for what is no connector. */
export function checkConnector(connector: unknown): void {
  const problem = connectorProblem(connector);
  if (problem !== null) throw new TidemarkError("ARGUMENT_INVALID", `this is no connector: ${problem}`);
}

export function isConnector(value: unknown): value is Connector {
  return connectorProblem(value) === null;
}

/** Why a value is not a connector, for messages; null where it is one. */
export function connectorProblem(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return `it is ${kindOf(value)}, not an object`;
  const { id, stream, cursorType, configSchema, sync }: Partial<Record<keyof Connector, unknown>> = value;
  if (typeof id !== "string") return `its \`id\` is ${kindOf(id)}, not a text`;
  const problem = nameProblem("id", id) ?? (stream === undefined ? null : nameProblem("stream", stream));
  if (problem !== null) return problem;
  if (typeof sync !== "function") {
    return `the \`sync\` of ${id} is ${kindOf(sync)}, not a function; write \`async *sync({ since, cursor }) { … }\``;
  }
  if (cursorType !== undefined && !cursorTypes.some((type) => type === cursorType)) {
    return `the \`cursorType\` of ${id} is none of ${cursorTypes.join(", ")}`;
  }
  if (configSchema !== undefined && !(configSchema instanceof z.ZodType)) {
    return `the \`configSchema\` of ${id} is no schema of zod 4`;
  }
  return null;
}

/** Why a value cannot be part of a name, for messages; `part` is the key that holds it. */
export function nameProblem(part: string, name: unknown): string | null {
  if (typeof name !== "string") return `its \`${part}\` is ${kindOf(name)}, not a text`;
  const problem = streamNameProblem(name);
  return problem === null ? null : `its \`${part}\` cannot be used: ${problem}`;
}

/**
 * The configuration as the connector's schema parses it; the configuration itself without a schema. Throws
 * `ARGUMENT_INVALID` that lists every error.
 */
export function readConnectorConfig(connector: Connector, config: unknown): unknown {
  const { id, configSchema } = connector;
  if (configSchema === undefined) return config;
  return readUserConfig(configSchema, config, `the configuration of the connector ${id}`);
}
