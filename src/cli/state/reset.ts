import type { Command } from "commander";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { StreamState } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { actor, withState } from "../state-access.ts";
import { calledOff, printMove, storedStream, takesReason, takesStream } from "../stream.ts";
import { canAsk, note, shown } from "../terminal.ts";
import { printPartitionMove, storedPartition } from "./partition-move.ts";

interface ResetOptions {
  readonly reason: string;
  readonly yes?: boolean;
  readonly partition?: string;
}

export function defineReset(command: Command): void {
  takesReason(takesStream(command))
    .option("--partition <name>", "only this partition of the stream")
    .option("-y, --yes", "do not ask; needed without a terminal")
    .action((connector: string, stream: string) => reset({ connector, stream }, optionsOf(command)));
  command.addHelpText(
    "after",
    "\nThe next run reads everything again. To go back less far, use `state rewind` or `state set`.",
  );
  examples(command, [
    ['tidemark state reset sap_eu suppliers --reason "source was rebuilt"', ""],
    ['tidemark state reset forge issues --partition acme/app --reason "moved"', "one partition"],
  ]);
}

async function reset(key: StreamKey, options: ReturnType<typeof optionsOf<ResetOptions>>): Promise<void> {
  await withState(options.state, { create: false }, async (state) => {
    const { reason, partition } = options;
    const before = await storedStream(state, key);
    if (partition !== undefined) {
      const place = await storedPartition(state, key, partition);
      if (!options.yes && !(await confirmed(before, `partition ${shown(partition)}`, place)))
        return calledOff();
      const after = await state.reset(key, { to: null, partition, reason, actor: actor() });
      return printPartitionMove(before, after, { partition, from: place, to: null }, options.json);
    }
    if (!options.yes && !(await confirmed(before, formatStreamKey(key), before.position.watermark))) {
      return calledOff();
    }
    const after = await state.reset(key, { to: null, reason, actor: actor() });
    await printMove(before, after, options.json);
  });
}

async function confirmed(stream: StreamState, what: string, watermark: string | null): Promise<boolean> {
  if (!canAsk()) {
    throw invalidArgument(
      "a reset has to be confirmed, and there is nobody to ask",
      "Add --yes.",
      stream.key,
    );
  }
  const { confirm } = await import("@clack/prompts");
  note(
    `${shown(what)} is at ${shown(watermark ?? "no watermark")}; the next run would read everything again\n`,
  );
  if (stream.status === "running") note(`its running run ${shown(stream.runId ?? "")} would be superseded\n`);
  const answer = await confirm({ message: "Start it over?", initialValue: false, output: process.stderr });
  return answer === true;
}
