import { messageOf, TidemarkError } from "../../errors.ts";
import { compileAddress, compileParameters } from "../../http/template-address.ts";
import { compileHeaders } from "../../http/template-headers.ts";
import { withValuePlaced } from "../../model/placed-value.ts";
import { isRecord, parsePath, type SourceRecord } from "../../model/record.ts";
import { showValue } from "../../model/unreadable-value.ts";
import { compileTemplate, withoutEscapes } from "../../templates/template.ts";
import type { PartitionsConfig } from "./partition-schema.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** How the requests and the records of one partition are made. */
export interface Filled {
  readonly config: HttpPollingConfig;
  readonly headers: Readonly<Record<string, string>>;
  readonly mark: ((record: SourceRecord) => SourceRecord) | null;
}

/**
 * Replaces `{{ partition }}` with a partition's name. No name can change the host or another part of the address.
 * Throws `RECORD_INVALID` for a name that is not allowed there, such as `..` in a path or a line break in a header.
 */
export function compilePartition(
  config: HttpPollingConfig,
  { as, keepSlashes }: PartitionsConfig,
): (partition: string) => Filled {
  const addressOf = compileAddress({ endpoint: config.endpoint, queryParams: {}, keepSlashes });
  const parametersOf = compileParameters(config.queryParams);
  const headersOf = compileHeaders(config.headers);
  const bodyOf = compileTemplate(config.body);
  return (partition) => {
    try {
      const names = { partition };
      const endpoint = addressOf(names).href;
      const queryParams = Object.fromEntries(parametersOf(names));
      const headers = headersOf(names);
      const filled = { ...config, endpoint, queryParams };
      const mark = as === undefined ? null : markWith(as, partition);
      if (config.body === undefined) return { config: filled, headers, mark };
      return { config: { ...filled, body: bodyFrom(bodyOf(names)) }, headers, mark };
    } catch (cause) {
      throw new TidemarkError(
        "RECORD_INVALID",
        `the partition ${showValue(partition)} cannot be asked for: ${messageOf(cause)}`,
        { cause },
      );
    }
  };
}

/** A request in which nothing is filled in, as it is sent: `\\{{` stands for `{{`. */
export function withPlainTexts<T extends Pick<HttpPollingConfig, "endpoint" | "queryParams" | "body">>(
  request: T,
): T {
  const { endpoint, queryParams, body } = request;
  return {
    ...request,
    endpoint: withoutEscapes(endpoint),
    queryParams: withoutEscapes(queryParams),
    body: withoutEscapes(body),
  };
}

/** The result of a template, with the type of the template's source. */
function bodyFrom(filled: unknown): string | Record<string, unknown> {
  return isRecord(filled) ? { ...filled } : String(filled);
}

function markWith(as: string, partition: string): (record: SourceRecord) => SourceRecord {
  const path = parsePath(as);
  const placing = {
    appends: true,
    fail: (why: string) =>
      new TidemarkError(
        "RECORD_INVALID",
        `a record cannot be given its partition's name at \`${as}\`: ${why}`,
        {
          hint: "Let `partitions.as` name a field that records do not have.",
        },
      ),
  };
  return (record) => withValuePlaced(record, path, partition, placing);
}
