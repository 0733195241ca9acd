import { attemptBackfill } from "../../engine/run/backfill.ts";
import { verify as compare } from "../../engine/verify/verify.ts";
import type { VerifyResult } from "../../engine/verify/verify-result.ts";
import type { TidemarkError } from "../../errors.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import type { StateStore } from "../../state/contract.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodes, formatError, invalidArgument } from "../failure.ts";
import type { Params } from "../params.ts";
import { loadForRun } from "../run/load.ts";
import { actor, withState } from "../state-access.ts";
import { stopOnSignals } from "../stop-signals.ts";
import { note, print, printJson, shown } from "../terminal.ts";
import { type Repair, repairsOf, verifyJson } from "./json.ts";
import { formatComparison } from "./report.ts";

export interface VerifyCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly step?: string;
  readonly concurrency?: number;
  readonly limit: number;
  readonly repair?: boolean;
  readonly param: Params;
}

type Options = ReturnType<typeof optionsOf<VerifyCommandOptions>>;

/** Compares source and output once, and once more after a repair. */
export async function verify(file: string, options: Options): Promise<void> {
  const signal = stopOnSignals();
  const [pipeline, ...others] = await loadForRun([file], options);
  if (pipeline === undefined || others.length > 0) {
    throw invalidArgument(`${file} holds ${others.length + 1} pipelines`, "Name the one file to verify.");
  }
  if (options.repair === true && pipeline.output.appends) throw cannotRepair(pipeline);
  const { equal } = await withState(
    pipeline.stateUrl ?? options.state,
    { create: options.repair === true },
    (state) => compareAndPrint(file, pipeline, state, options, signal),
  );
  process.exitCode = equal ? exitCodes.done : exitCodes.failed;
}

function cannotRepair(pipeline: LoadedPipeline): TidemarkError {
  return invalidArgument(
    "the output appends, and a backfill into it reads only what nothing covers yet: what was delivered once is not added again",
    "Without --repair the differences are listed. To have rows replaced, give the output a `key`.",
    pipeline.key,
  );
}

async function compareAndPrint(
  file: string,
  pipeline: LoadedPipeline,
  state: StateStore,
  options: Options,
  signal: AbortSignal,
): Promise<VerifyResult> {
  const { from, to, step, concurrency, limit, json } = options;
  const reading = {
    ...(step === undefined ? {} : { step }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  const once = () => compare(pipeline, { state, ...range, ...reading, limit, signal });
  const found = await once();
  const repairs = repairsOf(file, pipeline, found);
  if (options.repair !== true || repairs.length === 0) {
    await (json ? printJson(verifyJson(found, repairs)) : print(formatComparison(found, repairs, pipeline)));
    return found;
  }
  if (!json) await print(formatComparison(found, [], pipeline));
  await repair(pipeline, state, repairs, { ...reading, signal });
  const after = await once();
  const left = repairsOf(file, pipeline, after);
  await (json
    ? printJson({ ...verifyJson(after, left), repaired: verifyJson(found, repairs) })
    : print(`\nAfter the repair:\n${formatComparison(after, left, pipeline)}`));
  return after;
}

/** Runs the backfills one after another; the first that fails ends it. */
async function repair(
  pipeline: LoadedPipeline,
  state: StateStore,
  repairs: readonly Repair[],
  reading: { readonly step?: string; readonly concurrency?: number; readonly signal: AbortSignal },
): Promise<void> {
  for (const { from, to } of repairs) {
    note(`backfill of ${shown(formatStreamKey(pipeline.key))} from ${from} to ${to}\n`);
    const result = await attemptBackfill(pipeline, { ...reading, state, from, to, actor: actor() });
    if (result.error !== null) {
      note(formatError(result.error));
      throw result.error;
    }
  }
}
