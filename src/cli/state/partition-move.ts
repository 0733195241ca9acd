import { TidemarkError } from "../../errors.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { StateStore, StreamState } from "../../state/contract.ts";
import { print, printJson, shown, style } from "../terminal.ts";
import { streamJson } from "../views.ts";

/** A partition's watermark; throws `STREAM_NOT_FOUND` where nothing is stored of it. */
export async function storedPartition(
  state: StateStore,
  key: StreamKey,
  partition: string,
): Promise<string | null> {
  const stored = await state.partition(key, partition);
  if (stored !== null) return stored.position.watermark;
  const stream = formatStreamKey(key);
  throw new TidemarkError("STREAM_NOT_FOUND", `no partition ${shown(partition)} of ${stream} is stored`, {
    stream,
    hint: `See \`tidemark state show ${key.connector} ${key.stream} --partitions\`.`,
  });
}

/** The same, null also where nothing is stored. */
export async function watermarkOf(
  state: StateStore,
  key: StreamKey,
  partition: string,
): Promise<string | null> {
  return (await state.partition(key, partition))?.position.watermark ?? null;
}

export interface PartitionStep {
  readonly partition: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** Prints an operator's act on one partition. */
export async function printPartitionMove(
  before: StreamState | null,
  after: StreamState,
  { partition, from, to }: PartitionStep,
  json: boolean,
): Promise<void> {
  const superseded = before?.status === "running" ? before.runId : null;
  if (json) {
    return printJson({
      ...streamJson(after),
      partition,
      cursor_value: to,
      previous_cursor_value: from,
      superseded_run_id: superseded,
    });
  }
  const name = style("bold", `${formatStreamKey(after.key)}, partition ${shown(partition)}`);
  const watermarkText = (watermark: string | null): string => watermark ?? "no watermark";
  let text = `${name}  ${watermarkText(from)} → ${watermarkText(to)}  (epoch ${after.epoch})\n`;
  if (superseded !== null)
    text += `the running run ${superseded} is superseded; nothing more of it is taken\n`;
  await print(text);
}
