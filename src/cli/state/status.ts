import type { StreamState } from "../../state/contract.ts";
import { style } from "../terminal.ts";

/** A stream's status in a word or two: a run whose lease is over is likely dead. */
export function statusOf(stream: StreamState, now: number): string {
  const expired = stream.lease !== null && Date.parse(stream.lease.expiresAtUtc) < now;
  return stream.status === "running" && expired ? "running, lease over" : stream.status;
}

export function styleStatus(text: string, { status }: StreamState): string {
  return style(({ completed: "green", failed: "red", running: "cyan", idle: "dim" } as const)[status], text);
}
