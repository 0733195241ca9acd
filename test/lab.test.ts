import { expect, test } from "vitest";
import { type FaultKind, faultKinds } from "../bench/lab/fault-kinds.ts";
import { runLab } from "../bench/lab/lab.ts";
import type { OutputKind } from "../bench/lab/world.ts";

const schedules: readonly { readonly output: OutputKind; readonly faults: readonly FaultKind[] }[] = [
  { output: "postgres append", faults: ["database restart", "kill", "network freeze", "full disk"] },
  { output: "sqlite append", faults: ["full disk", "kill", "two workers", "expired tokens"] },
  { output: "jsonl", faults: ["source cuts", "full disk", "kill", "pause past the lease"] },
  {
    output: "postgres append, state within",
    faults: ["network cut", "database restart", "network half-open"],
  },
  { output: "sqlite upsert", faults: ["pause past the lease", "source errors", "kill"] },
  { output: "postgres upsert, state within", faults: ["network delay", "kill", "network cut"] },
];

test("P1 P2 P4: the crash lab's short form loses and repeats nothing, whatever happens to the processes", async () => {
  expect(new Set(schedules.flatMap(({ faults }) => faults))).toEqual(new Set(faultKinds));
  const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
  const results = await runLab({
    seed,
    schedules: schedules.keys(),
    needs: (schedule) => ({ disturbedRuns: 0, ...schedules[schedule] }),
    lanes: 2,
  });
  const seen = results.map(({ lost, repeated, problems, folder }) => ({ lost, repeated, problems, folder }));
  expect(seen, `TIDEMARK_SEED=${seed}`).toEqual(
    schedules.map(() => ({ lost: 0, repeated: 0, problems: [], folder: null })),
  );
  expect(results.reduce((total, { delivered }) => total + delivered, 0)).toBeGreaterThan(1000);
}, 240_000);
