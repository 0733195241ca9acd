import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { commandFlags } from "./parts/command-flags.ts";
import {
  alternate,
  median,
  pairedRatio,
  type Row,
  runPart,
  runPartWith,
  withFolder,
  withServer,
} from "./parts/measure.ts";

interface Measured {
  readonly records: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
}

/** Finding the one row that was deleted from a table, against reading its source and nothing more. */
export function verification(records: number, times: number): Promise<Row> {
  return withServer(records, (endpoint) =>
    withFolder(async (folder) => {
      const database = join(folder, "records.db");
      const state = join(folder, "state.db");
      await runPart("tidemark", endpoint, database, state, "1");
      const table = new DatabaseSync(database);
      table.prepare("DELETE FROM records WHERE id = ?").run(Math.round(records * 0.65));
      table.close();
      const { a, b } = await alternate(
        times,
        () => runPartWith<Measured>(commandFlags, "verify", endpoint, database, state),
        () => runPart<Measured>("verify", endpoint, database, state, "read"),
      );
      const seconds = (measured: readonly Measured[]): number[] => measured.map((one) => one.seconds);
      const ratio = pairedRatio(seconds(a), seconds(b));
      const took = median(seconds(a));
      const memory = median(a.map(({ peakMemoryBytes }) => peakMemoryBytes)) / 1024 / 1024;
      return {
        what: `verify: one row deleted of ${records.toLocaleString("en-US")} is found, against reading the source bare`,
        budget: "seconds, not minutes",
        measured: `${took.toFixed(1)} s, ${ratio.toFixed(1)} × (${median(seconds(b)).toFixed(1)} s), ${memory.toFixed(0)} MB`,
        ok: took < 60,
        details: { ratio, verify: seconds(a), bare: seconds(b), peakMemoryMB: memory },
      };
    }),
  );
}
