import { settingError } from "../findings.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { Diagnostic } from "./diagnostics.ts";
import type { CheckedStream, FileCheck } from "./file-check.ts";

/** Two pipelines of one stream would each move the other's place; of one exclusive output, write into each other. */
export function sharedThings(checks: readonly FileCheck[]): Diagnostic[] {
  const streams = new Map<string, Diagnostic>();
  const outputs = new Map<string, Diagnostic>();
  return checks.flatMap((check) => {
    // Streams of one document are compared where the document is checked.
    const own = new Set<string>();
    return check.streams.flatMap((checked) => {
      const { config, output, namedBy } = checked;
      const { name, connector = name, stream } = config;
      const key = formatStreamKey({ connector, stream });
      const shared = [taken(streams, key, checked, `the stream ${key}`, namedBy)];
      const exclusive = output?.exclusive;
      if (exclusive !== undefined && !own.has(exclusive.id)) {
        own.add(exclusive.id);
        shared.push(taken(outputs, exclusive.id, checked, exclusive.name, "output"));
      }
      return shared.filter((diagnostic) => diagnostic !== null);
    });
  });
}

/** Returns an error if the stream or output is already claimed; claims it otherwise. */
function taken(
  before: Map<string, Diagnostic>,
  thing: string,
  checked: CheckedStream,
  described: string,
  key: string,
): Diagnostic | null {
  const first = before.get(thing);
  const diagnose = (message: string) =>
    checked.diagnose(settingError("CONFIG_INCOHERENT", [key], message, { part: "key" }));
  if (first !== undefined)
    return diagnose(`${described} is already that of the pipeline at ${first.file}:${first.line}`);
  before.set(thing, diagnose(described));
  return null;
}
