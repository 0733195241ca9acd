import { type Command, Option } from "commander";
import type { StreamKey } from "../../model/stream-key.ts";
import { examples, optionsOf } from "../commands.ts";
import { actor, withState } from "../state-access.ts";
import { printMove, storedStream, takesReason, takesStream } from "../stream.ts";

interface RewindOptions {
  readonly reason: string;
  readonly toRun: string;
}

export function defineRewind(command: Command): void {
  takesReason(takesStream(command))
    .addOption(new Option("--to-run <id>", "the run, as `state history` lists it").makeOptionMandatory())
    .action((connector: string, stream: string) => rewind({ connector, stream }, optionsOf(command)));
  examples(command, [
    ["tidemark state history sap_eu suppliers", "find the run"],
    ['tidemark state rewind sap_eu suppliers --to-run ID --reason "bad deploy"', ""],
  ]);
}

async function rewind(key: StreamKey, options: ReturnType<typeof optionsOf<RewindOptions>>): Promise<void> {
  const { reason, toRun } = options;
  await withState(options.state, { create: false }, async (state) => {
    const before = await storedStream(state, key);
    const after = await state.rewind(key, { toRun, reason, actor: actor() });
    await printMove(before, after, options.json);
  });
}
