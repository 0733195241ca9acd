import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, finished, median, type Row, withFolder, withServer } from "./parts/measure.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A run of the built command that finds nothing new, as a whole process, against `node -e 0`. */
export function startUp(times: number): Promise<Row> {
  return withFolder((folder) =>
    withServer(10, async (endpoint) => {
      writeFileSync(join(folder, "records.yaml"), pipelineFile(endpoint));
      const command = [join(root, "dist/cli/main.js"), "run", "records.yaml", "--json"];
      await timed(folder, command);
      const { a, b } = await alternate(
        times,
        () => timed(folder, command),
        () => timed(folder, ["-e", "0"]),
      );
      const more = median(a) - median(b);
      return {
        what: "a run that finds nothing new, whole process, against `node -e 0`",
        budget: "≤ 300 ms more",
        measured: `${more.toFixed(0)} ms more (${median(a).toFixed(0)} against ${median(b).toFixed(0)} ms)`,
        ok: more <= 300,
        details: { millisecondsMore: more, run: a, node: b },
      };
    }),
  );
}

async function timed(cwd: string, args: string[]): Promise<number> {
  const startedAt = performance.now();
  const { code, output } = await finished(
    spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "inherit"] }),
  );
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with ${code}: ${output}`);
  return performance.now() - startedAt;
}

function pipelineFile(endpoint: string): string {
  return `name: records
input:
  type: httpPolling
  endpoint: ${endpoint}
  dataField: data
  key: id
  pagination: { type: cursor, param: token, nextCursorField: next }
  statePersistence:
    timestamp: { field: updated_at, queryParam: updated_after }
    order: ascending
output: { type: database, connectionString: "sqlite:./records.db", table: records, key: id }
`;
}
