import type { Dispatcher } from "undici";
import type { BoundOutcome } from "../../engine/bound-outcome.ts";
import type { Input, InputSession, Page, PartContext, ReadRequest } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { registerParameterSecret } from "../../http/address.ts";
import { type HttpClient, openHttpClient } from "../../http/client.ts";
import type { HttpSettings } from "../../http/schema.ts";
import { constantHeaders } from "../../http/template-headers.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { hasPlaceholder } from "../../templates/template.ts";
import { closeAll } from "../close-all.ts";
import { SourceForms } from "../forms/source-forms.ts";
import { incrementalOf } from "../state-persistence.ts";
import { leadingBound } from "./bound-parameters.ts";
import { BoundProof } from "./bound-proof.ts";
import { factsUnder, SourceFacts } from "./facts.ts";
import { compilePartition, type Filled, withPlainTexts } from "./partition.ts";
import { listedNames, parentConfig, parentNames, parentSettings } from "./partition-names.ts";
import { HttpRead } from "./read.ts";
import { secretParameters } from "./request.ts";
import type { HttpPollingConfig } from "./schema.ts";
import { SourceClock } from "./source-clock.ts";

export interface HttpPollingParts {
  /** A number from 0 to 1, below 1; spreads retries. */
  readonly random: () => number;
  /** Used instead of a connection pool of the input's own; its owner closes it. */
  readonly dispatcher?: Dispatcher;
}

/** The usual precision of HTTP sources: milliseconds. */
const isoPrecision = "1ms";

/**
 * An input that requests pages of JSON records from an HTTP endpoint. `config` is the parsed `httpPollingSchema`.
 *
 * A read requests the window's records, page after page as `pagination` declares, and ends only where the source shows
 * its end. Errors: those of `HttpClient`, `SOURCE_INVALID` where an answer is not as declared, `RECORD_INVALID` for an
 * element that is not an object, `SOURCE_TRUNCATED` where the source returned less than its total, `PAGE_REPEATED` for
 * a repeated token, and `PAGE_CAP_REACHED`.
 *
 * ```ts
 * const input = createHttpPolling(httpPollingSchema.parse({ type: "httpPolling", endpoint }), { random: Math.random });
 * ```
 */
export function createHttpPolling(declared: HttpPollingConfig, parts: HttpPollingParts): Input {
  const { partitions } = declared;
  const config = partitions === undefined ? withPlainTexts(declared) : declared;
  registerSecrets(config);
  if (partitions?.from !== undefined) registerSecrets(parentConfig(partitions.from));
  const incremental = {
    ...incrementalOf(config.statePersistence, config.key, isoPrecision),
    bounded: config.statePersistence.until !== undefined,
    partitions: partitions === undefined ? null : { concurrency: partitions.concurrency },
  };
  return {
    kind: "httpPolling",
    incremental,
    async open(context) {
      const openClient = (settings: HttpSettings, endpoint: string): Promise<HttpClient> =>
        openHttpClient(settings, {
          clock: context.clock,
          random: parts.random,
          warn: context.warn,
          ...(context.pause === undefined ? {} : { pause: context.pause }),
          origin: new URL(endpoint).origin,
          stream: formatStreamKey(context.key),
          ...(parts.dispatcher === undefined ? {} : { dispatcher: parts.dispatcher }),
        });
      const headers = constantHeaders(config.headers);
      const client = await openClient({ ...config, headers }, config.endpoint);
      const own = parentSettings({ ...config, headers });
      const parentClient =
        own === null || partitions?.from === undefined
          ? client
          : await openClient(own, partitions.from.endpoint).catch(async (error: unknown) => {
              await client.close();
              throw error;
            });
      const facts = new SourceFacts(context.facts);
      const clock = new SourceClock(context.warn);
      const forms = new SourceForms(incremental.cursors, facts);
      return new HttpPollingSession({
        config,
        incremental,
        context,
        client,
        parentClient,
        facts,
        forms,
        clock,
      });
    },
  };
}

function registerSecrets(config: HttpPollingConfig): void {
  for (const value of [...secretParameters(config).values()].flat()) {
    if (config.partitions === undefined || !hasPlaceholder(value)) registerParameterSecret(value);
  }
}

interface SessionParts {
  readonly config: HttpPollingConfig;
  readonly incremental: Input["incremental"];
  readonly context: PartContext;
  readonly client: HttpClient;
  /** The client for the names of partitions; the input's own where the parent declares no settings. */
  readonly parentClient: HttpClient;
  readonly facts: SourceFacts;
  readonly forms: SourceForms;
  readonly clock: SourceClock;
}

class HttpPollingSession implements InputSession {
  readonly #parts: SessionParts;
  readonly #proof: BoundProof;
  readonly #fill: ((partition: string) => Filled) | null;
  /** Absent where the stream has none. */
  readonly partitions?: (signal: AbortSignal) => AsyncIterable<readonly string[]>;

  constructor(parts: SessionParts) {
    const { config } = parts;
    const { partitions } = config;
    this.#parts = parts;
    this.#proof = new BoundProof({
      config,
      incremental: parts.incremental,
      facts: parts.facts,
      warn: parts.context.warn,
      textOf: (field, lower) => leadingBound(parts, field, lower, {}).text,
    });
    this.#fill = partitions === undefined ? null : compilePartition(config, partitions);
    if (partitions !== undefined) {
      this.partitions = (signal) =>
        partitions.from === undefined
          ? listedNames(partitions)
          : parentNames(partitions.from, partitions.field ?? "", {
              client: parts.parentClient,
              context: parts.context,
              facts: factsUnder("partitions ", parts.facts),
              signal,
            });
    }
  }

  read(request: ReadRequest): AsyncIterable<Page> {
    const { config, incremental, context, client, facts, forms, clock } = this.#parts;
    const filled = this.#fill?.(partitionOf(request)) ?? { config, headers: {}, mark: null };
    return new HttpRead({ ...filled, incremental, client, context, facts, forms, clock, request }).pages();
  }

  reach(lower: string): string {
    const [field] = this.#parts.incremental.cursors;
    if (field === undefined || field.role === "sourceManaged" || field.role === "offset") return lower;
    // A secondary id may be sent with the bound, which is then one step lower.
    return leadingBound(this.#parts, field, lower, { id: "0" }).reach;
  }

  watchesBound(): boolean {
    return this.#proof.looks;
  }

  sawBound(outcome: BoundOutcome): void {
    this.#proof.see(outcome);
  }

  facts(): ReadonlySet<string> {
    return this.#parts.facts.known;
  }

  async close(): Promise<void> {
    const { client, parentClient } = this.#parts;
    await closeAll(parentClient === client ? [client] : [client, parentClient]);
  }
}

function partitionOf({ partition }: ReadRequest): string {
  if (partition !== undefined) return partition;
  throw new TidemarkError("INTERNAL", "a stream in partitions was read without naming one");
}
