import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { LoadedPipeline, LoadOptions } from "../../src/pipeline/check.ts";
import { formatDiagnostic } from "../../src/pipeline/diagnostics.ts";
import { checkPipelines, loadPipelines } from "../../src/pipeline/load.ts";

/** Writes files into a new folder and returns the first one's path. */
export async function written(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-pipeline-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0] ?? "");
}

/** What `validate` says of a pipeline's text, as `line:column CODE message`. */
export async function told(text: string, options: LoadOptions = {}): Promise<string[]> {
  const file = await written({ "p.yaml": text });
  const diagnostics = await checkPipelines([file], { env: {}, ...options });
  return diagnostics.map((diagnostic) => formatDiagnostic(diagnostic).slice(file.length + 1));
}

export async function loaded(text: string, options: LoadOptions = {}): Promise<LoadedPipeline> {
  const [pipeline] = await loadPipelines([await written({ "p.yaml": text, "transform.ts": script })], {
    env: {},
    ...options,
  });
  if (pipeline === undefined) throw new Error("the file holds no pipeline");
  return pipeline;
}

export const script = "export default (record: unknown): unknown => record;\n";

/** A pipeline that uses most keys there are. */
export const whole = `name: events
connector: acme_eu
stream: events
onConcurrentRun: skip
leaseSeconds: 60
input:
  type: httpPolling
  schedule: "*/10 * * * *"
  timezone: UTC
  endpoint: https://source.example.com/api/events
  method: GET
  timeoutMs: 30000
  dataField: events
  key: event.id
  pagination:
    type: cursor
    param: page
    nextCursorField: next
    limitParam: limit
    limit: 100
  statePersistence:
    timestamp:
      enabled: true
      field: event.timestamp
      format: iso8601
      queryParam: updated_after
      queryFormat: iso8601
      bound: inclusive
      granularity: 1ms
    id:
      enabled: true
      field: event.id
      queryParam: after_id
    offset:
      enabled: false
      queryParam: offset
    order: ascending
    pagesPerCheckpoint: 1
    lookback: PT0S
    settle: PT0S
    until:
      queryParam: updated_before
    storagePath: ./.cannectors-state
filters:
  - type: mapping
    mappings: [{ source: event.id, target: id }]
  - type: condition
    expression: "amount > 10"
  - type: set
    target: source
    value: acme
  - type: remove
    target: [payload.secret]
  - type: script
    path: ./transform.ts
output:
  type: database
  connectionString: sqlite:./events.db
  table: events
  key: id
  mode: upsert
`;
