import type { StreamState } from "../../state/contract.ts";
import { style } from "../terminal.ts";

/** A stream's status in a word or two: a run whose lease is over is likely dead. */
export function statusOf(stream: StreamState, now: number): string {
  if (stream.status !== "running") return stream.status;
  const expired = stream.lease !== null && Date.parse(stream.lease.expiresAtUtc) < now;
  if (expired) return "running, lease over";
  return stream.stopRequested === null ? "running" : "running, asked to stop";
}

export function styleStatus(text: string, { status }: StreamState): string {
  return style(({ completed: "green", failed: "red", running: "cyan", idle: "dim" } as const)[status], text);
}
