import type { PartContext } from "../../engine/ports.ts";
import { PageGuard } from "../../engine/tracking/page-guard.ts";
import { TidemarkError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import { type HttpSettings, httpSettingsSchema } from "../../http/schema.ts";
import { constantHeaders } from "../../http/template-headers.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import { formatStreamKey, streamNameProblem } from "../../model/stream-key.ts";
import { showValue } from "../../model/unreadable-value.ts";
import { SourceForms } from "../forms/source-forms.ts";
import { incrementalOf, parameterStatePersistenceSchema } from "../state-persistence.ts";
import type { Facts } from "./facts.ts";
import { withPlainTexts } from "./partition.ts";
import { warnOfMissing } from "./partition-roll.ts";
import type { PartitionParent, PartitionsConfig } from "./partition-schema.ts";
import { HttpRead } from "./read.ts";
import type { HttpPollingConfig } from "./schema.ts";
import { SourceClock } from "./source-clock.ts";

type Names = AsyncGenerator<readonly string[], void, undefined>;

/** The names, page by page, so that a long list is processed while it is read. */
const namesPerPage = 1000;

/** The declared names, each once. */
export async function* listedNames({ values = [] }: PartitionsConfig): Names {
  const names = [...new Set(values)];
  for (let at = 0; at < names.length; at += namesPerPage) yield names.slice(at, at + namesPerPage);
}

export interface ParentParts {
  readonly client: HttpClient;
  readonly context: PartContext;
  readonly facts: Facts;
  readonly signal: AbortSignal;
}

/**
 * The names that a parent's records have at `field`, page by page as it gives them, each once; read
 * to its end. Memory is bounded by the names. Throws what an `httpPolling` input throws (promise P15),
 * and `RECORD_INVALID` for a record whose name cannot be a partition's.
 */
export async function* parentNames(
  parent: PartitionParent,
  field: string,
  { client, context, facts, signal }: ParentParts,
): Names {
  const path = parsePath(field);
  const incremental = {
    ...incrementalOf(parameterStatePersistenceSchema.parse({}), undefined, "1ms"),
    // Other fields of the parent's records are ignored.
    key: [path],
  };
  const read = new HttpRead({
    config: parentConfig(parent),
    headers: {},
    incremental,
    client,
    context,
    facts,
    clock: new SourceClock(() => {}),
    // Names are read without bounds.
    forms: new SourceForms([], { known: new Set(), learn: () => {} }),
    request: { window: { lower: null, upper: null }, secondaryCursors: {}, resume: null, signal },
    mark: null,
  });
  const guard = new PageGuard(incremental);
  const known = new Set<string>();
  let page = 0;
  for await (const { records, next } of read.pages()) {
    page += 1;
    guard.see({ records, next });
    const names: string[] = [];
    for (const [index, record] of records.entries()) {
      const name = nameOf(valueAt(record, path), () => ({
        stream: formatStreamKey(context.key),
        place: `record ${index + 1} of page ${page} of the partitions`,
        field,
      }));
      if (known.has(name)) continue;
      known.add(name);
      names.push(name);
    }
    if (names.length > 0) yield names;
  }
  guard.end();
  warnOfMissing(known, facts, context.warn);
}

interface NamePlace {
  readonly stream: string;
  readonly place: string;
  readonly field: string;
}

function nameOf(value: unknown, placeOf: () => NamePlace): string {
  const isName = typeof value === "string" || typeof value === "number" || value instanceof ExactNumber;
  const problem = isName ? streamNameProblem(String(value)) : "a name is a text or a number";
  if (problem === null) return String(value);
  const { stream, place, field } = placeOf();
  throw new TidemarkError(
    "RECORD_INVALID",
    `${place} has ${showValue(value)} at \`${field}\`, which cannot name a partition: ${problem}`,
    { stream, hint: "Check `partitions.field` against the record that the message names." },
  );
}

/** A parent as an input that reads everything. */
export function parentConfig(parent: PartitionParent): HttpPollingConfig {
  return {
    ...withPlainTexts(parent),
    ...httpSettingsSchema.parse(declaredSettings(parent)),
    statePersistence: parameterStatePersistenceSchema.parse({}),
  };
}

/**
 * The settings of a parent's own client; null where it shares the input's client, with its settings and rate limit. A
 * setting that the parent does not declare is the input's if both have the same origin, and otherwise the default:
 * credentials are only sent to the origin that they are declared for.
 */
export function parentSettings(config: HttpPollingConfig): HttpSettings | null {
  const parent = config.partitions?.from;
  if (parent === undefined) return null;
  const declared = declaredSettings(parent);
  if (new URL(parent.endpoint).origin !== new URL(config.endpoint).origin) {
    return httpSettingsSchema.parse(declared);
  }
  if (Object.keys(declared).length === 0) return null;
  return httpSettingsSchema.parse({ ...settingsOf(config), headers: config.headers, ...declared });
}

function declaredSettings(parent: PartitionParent): Partial<HttpSettings> {
  const headers = parent.headers === undefined ? {} : { headers: constantHeaders(parent.headers) };
  return { ...headers, ...settingsOf(parent) };
}

/** The client settings that the input shares with the parent of its partitions. */
function settingsOf(declared: Omit<PartitionParent | HttpPollingConfig, "headers">): Partial<HttpSettings> {
  const { authentication, timeoutMs, totalTimeoutMs, maxBodyBytes, maxBodyValues, retry, rateLimit } =
    declared;
  return withoutAbsent({
    authentication,
    timeoutMs,
    totalTimeoutMs,
    maxBodyBytes,
    maxBodyValues,
    retry,
    rateLimit,
  });
}

function withoutAbsent<T extends object>(settings: T): Partial<T> {
  const given: Partial<T> = { ...settings };
  for (const name of Object.keys(settings) as (keyof T)[]) {
    if (given[name] === undefined) delete given[name];
  }
  return given;
}
