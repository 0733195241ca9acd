import type { Asked, Call, RunOf, Seen } from "./history.ts";

/** One stream as the contract has it, one call after another. */
export interface Stream extends Seen {
  /** The lower bound of the running run. */
  readonly lower: number | null;
}

export const neverBegun: Stream = {
  epoch: 0,
  runId: null,
  status: "idle",
  watermark: null,
  sequence: 0,
  lower: null,
};

/** Where a call can have led that was answered as it was; nowhere, where it cannot have been. */
export function step(stream: Stream, call: Call): readonly Stream[] {
  const { asked } = call;
  if (asked.kind === "get") return sees(stream, call) ? [stream] : [];
  if (asked.kind === "begin") return begin(stream, asked, call);
  return write(stream, asked, call);
}

function sees(stream: Stream, { answered }: Call): boolean {
  if (answered.kind !== "seen") return false;
  const { epoch, runId, status, watermark, sequence } = answered.stream;
  return (
    epoch === stream.epoch &&
    runId === stream.runId &&
    status === stream.status &&
    watermark === stream.watermark &&
    sequence === stream.sequence
  );
}

function begin(stream: Stream, asked: Asked & { kind: "begin" }, { answered }: Call): readonly Stream[] {
  const isRunning = stream.status === "running";
  if (answered.kind === "refused") {
    return answered.code === "RUN_ACTIVE" && asked.refuse && isRunning ? [stream] : [];
  }
  if (answered.kind !== "granted") return [];
  const { epoch, lower } = answered;
  if (isRunning && asked.refuse) return [];
  if (epoch !== stream.epoch + 1 || (lower !== undefined && lower !== stream.watermark)) return [];
  const { watermark } = stream;
  return [{ epoch, runId: asked.runId, status: "running", watermark, sequence: 0, lower: watermark }];
}

type Write = Exclude<Asked, { kind: "get" } | { kind: "begin" }>;

function write(stream: Stream, asked: Write, { answered }: Call): readonly Stream[] {
  const isHeld = holds(stream, asked.run);
  const isRunning = isHeld && stream.status === "running";
  const effect = isRunning ? effectOf(stream, asked) : null;
  const done = effect === null ? [] : [effect];
  if (answered.kind === "unknown") return done;
  if (answered.kind === "done")
    return effect === null && isHeld && isRepeated(stream, asked) ? [stream] : done;
  if (answered.kind !== "refused") return [];
  const isRight = isRightlyRefused(stream, asked, answered.code);
  return [...(isRight ? [stream] : []), ...(answered.maybeDone ? done : [])];
}

function holds(stream: Stream, run: RunOf): boolean {
  return stream.epoch === run.epoch && stream.runId === run.runId;
}

function effectOf(stream: Stream, asked: Write): Stream | null {
  if (asked.kind === "fail") return { ...stream, status: "failed" };
  const { cursor } = asked;
  if (stream.watermark !== null && cursor < stream.watermark) return null;
  const moved = { ...stream, watermark: cursor, sequence: stream.sequence + 1 };
  if (asked.kind === "complete") return { ...moved, status: "completed" };
  return asked.sequence === moved.sequence ? moved : null;
}

function isRepeated(stream: Stream, asked: Write): boolean {
  if (asked.kind === "checkpoint") return stream.status === "running" && asked.sequence === stream.sequence;
  if (asked.kind === "complete") return stream.status === "completed" && asked.cursor === stream.watermark;
  return stream.status === "failed";
}

function isRightlyRefused(stream: Stream, asked: Write, code: string): boolean {
  const isHeld = holds(stream, asked.run);
  const isRunning = stream.status === "running";
  switch (code) {
    case "RUN_SUPERSEDED":
      return !isHeld;
    case "RUN_FINISHED":
      return isHeld && !isRunning && !isRepeated(stream, asked);
    case "CURSOR_REGRESSION":
      return (
        isHeld && isRunning && asked.kind !== "fail" && asked.cursor < (stream.watermark ?? asked.cursor)
      );
    case "CHECKPOINT_OUT_OF_ORDER":
      return (
        isHeld &&
        isRunning &&
        asked.kind === "checkpoint" &&
        asked.sequence !== stream.sequence &&
        asked.sequence !== stream.sequence + 1
      );
    default:
      return false;
  }
}
