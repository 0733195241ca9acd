import type { Command } from "commander";
import { type Clock, systemClock } from "../clock.ts";
import { TidemarkError } from "../errors.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { Lease, StateStore } from "../state/contract.ts";
import { isOwnerGone } from "../state/owner.ts";
import type { StoppingRun } from "../state/stop-requests.ts";
import { examples, optionsOf } from "./commands.ts";
import { actor, withState } from "./state-access.ts";
import { takesStream } from "./stream.ts";
import { print, printJson, shown, style } from "./terminal.ts";

interface StopOptions {
  readonly backfill?: string;
  readonly reason?: string;
  readonly wait?: boolean;
}

export function defineStop(command: Command): void {
  takesStream(command)
    .option("--backfill <id>", "stop the run of this backfill, not the live run")
    .option("--reason <text>", "why; stored in the audit log, and in the run's error")
    .option("--wait", "return when the run has ended")
    .action((connector: string, stream: string) => stop({ connector, stream }, optionsOf(command)));
  command.addHelpText(
    "after",
    "\nThe run sees the request within 10 seconds, commits what was delivered, and ends as failed with RUN_STOPPED.\n" +
      "The next run goes on from there; `tidemark start` begins it at the next tick of its schedule.",
  );
  examples(command, [
    ["tidemark stop sap_eu suppliers", ""],
    ['tidemark stop sap_eu suppliers --reason "maintenance" --wait', "returns when it has ended"],
  ]);
}

async function stop(key: StreamKey, options: ReturnType<typeof optionsOf<StopOptions>>): Promise<void> {
  const { backfill, reason, wait = false, json } = options;
  const what = {
    ...(backfill === undefined ? {} : { backfill }),
    ...(reason === undefined ? {} : { reason }),
  };
  await withState(options.state, { create: false }, async (state) => {
    const run = await state.stop(key, { actor: actor(), ...what });
    if (!json) await print(askedText(key, run));
    const outcome = wait ? await outcomeOf(state, key, run, backfill ?? null, systemClock) : null;
    if (json) await printJson(stoppedJson(key, run, backfill ?? null, outcome));
    else if (outcome !== null) await print(`it ${outcomeTexts[outcome]}\n`);
  });
}

function askedText(key: StreamKey, { runId, owner }: StoppingRun): string {
  const name = style("bold", formatStreamKey(key));
  const where = owner === null ? "" : ` (process ${owner.pid} on ${shown(owner.host)})`;
  return `${name}  run ${shown(runId)}${where} is asked to stop\n`;
}

/** `failed`: of something else. `gone`: it has ended without a word, or its process has. */
type Outcome = "completed" | "stopped" | "failed" | "superseded" | "gone";

const outcomeTexts: Readonly<Record<Outcome, string>> = {
  completed: "completed before it saw the request",
  stopped: "has stopped",
  failed: "failed before it stopped: see `tidemark state show`",
  superseded: "was superseded",
  gone: "has ended without a word: its lease is over",
};

function stoppedJson(
  { connector, stream }: StreamKey,
  { runId, owner }: StoppingRun,
  backfill: string | null,
  outcome: Outcome | null,
): Record<string, unknown> {
  return { connector, stream, backfill, run_id: runId, owner, outcome };
}

const betweenLooksMs = 500;

/** How the run ended; waits for its end. */
async function outcomeOf(
  state: StateStore,
  key: StreamKey,
  { runId }: StoppingRun,
  backfill: string | null,
  clock: Clock,
): Promise<Outcome> {
  for (;;) {
    const found = await heldBy(state, key, backfill);
    if (found === null) throw new TidemarkError("STREAM_NOT_FOUND", "the stream's state was removed");
    if (found.runId !== runId) return "superseded";
    const { status, lease, lastError } = found;
    if (status === "completed") return status;
    if (status === "failed") return lastError?.startsWith("RUN_STOPPED") === true ? "stopped" : status;
    if (status !== "running") return "superseded";
    if (lease === null || isOver(lease, clock.now())) return "gone";
    await clock.sleep(betweenLooksMs);
  }
}

interface Held {
  readonly status: string;
  readonly runId: string | null;
  readonly lease: Lease | null;
  readonly lastError: string | null;
}

async function heldBy(state: StateStore, key: StreamKey, backfill: string | null): Promise<Held | null> {
  if (backfill === null) return state.get(key);
  return (await state.backfills(key)).find((each) => each.backfill === backfill) ?? null;
}

/** A lease is by the state's clock; one that was not renewed for a minute more is over by any. */
function isOver({ expiresAtUtc, owner }: Lease, now: number): boolean {
  return (owner !== null && isOwnerGone(owner)) || now - Date.parse(expiresAtUtc) > 60_000;
}
