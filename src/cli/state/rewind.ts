import { type Command, Option } from "commander";
import type { StreamKey } from "../../model/stream-key.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { type Params, takesParams } from "../params.ts";
import { actor, withState } from "../state-access.ts";
import { printMove, storedStream, takesReason, takesStream } from "../stream.ts";

interface RewindOptions {
  readonly toRun?: string;
  readonly toOutput?: string;
  readonly param: Params;
  readonly reason: string;
}

type Options = ReturnType<typeof optionsOf<RewindOptions>>;

export function defineRewind(command: Command): void {
  takesReason(takesStream(command))
    .addOption(new Option("--to-run <id>", "go back to the end of this run; `state history` lists the ids"))
    .addOption(
      new Option(
        "--to-output <file>",
        "go back to the position that the output of this pipeline file holds",
      ).conflicts("toRun"),
    )
    .action((connector: string, stream: string) => rewind({ connector, stream }, optionsOf(command)));
  takesParams(command);
  examples(command, [
    ["tidemark state history sap_eu suppliers", "find the run"],
    ['tidemark state rewind sap_eu suppliers --to-run ID --reason "bad deploy"', ""],
    ['tidemark state rewind sap_eu suppliers --to-output suppliers.yaml --reason "restored"', ""],
  ]);
}

async function rewind(key: StreamKey, options: Options): Promise<void> {
  const { reason, toRun, toOutput } = options;
  if (toOutput !== undefined) return toOutputPosition(key, toOutput, options);
  if (toRun === undefined) {
    throw invalidArgument(
      "it is not said where to go back to",
      "Name a run with --to-run, or the pipeline with --to-output.",
    );
  }
  await withState(options.state, { create: false }, async (state) => {
    const before = await storedStream(state, key);
    const after = await state.rewind(key, { toRun, reason, actor: actor() });
    await printMove(before, after, options.json);
  });
}

/** Works on the state that the pipeline's runs use. */
async function toOutputPosition(key: StreamKey, file: string, options: Options): Promise<void> {
  const pipeline = await pipelineOf(key, file, options);
  const { rewindToOutput } = await import("../../engine/run/rewind-to-output.ts");
  await withState(pipeline.stateUrl ?? options.state, { create: false }, async (state) => {
    const before = await storedStream(state, key);
    const after = await rewindToOutput(pipeline, { state, reason: options.reason, actor: actor() });
    await printMove(before, after, options.json);
  });
}

async function pipelineOf(key: StreamKey, file: string, options: Options): Promise<LoadedPipeline> {
  const { loadForRun } = await import("../run/load.ts");
  const pipelines = await loadForRun([file], options);
  const own = pipelines.find((pipeline) => formatStreamKey(pipeline.key) === formatStreamKey(key));
  if (own !== undefined) return own;
  const [first = "?", ...others] = pipelines.map((pipeline) => formatStreamKey(pipeline.key));
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  throw invalidArgument(
    `${file} is of the stream ${first}${more}`,
    "Name the pipeline whose stream it is.",
    key,
  );
}
