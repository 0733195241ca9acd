import { z } from "zod";
import { TidemarkError } from "../../errors.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { UnreadableStream } from "../../state/unreadable.ts";
import { connectorName, streamName } from "./values.ts";

export const unreadableStream = z
  .object({
    connector: connectorName,
    stream: streamName,
    code: z.enum(["STATE_UNREADABLE", "STATE_TOO_NEW"]),
    detail: z.string().meta({ description: "Why it cannot be read." }),
    hint: z.string().meta({ description: "What to do next." }),
  })
  .meta({ id: "UnreadableStream", description: "A stream that is stored and cannot be read." });
export type WireUnreadable = z.infer<typeof unreadableStream>;

export function unreadableToWire({ key, error }: UnreadableStream): WireUnreadable {
  const code = error.code === "STATE_TOO_NEW" ? "STATE_TOO_NEW" : "STATE_UNREADABLE";
  return { connector: key.connector, stream: key.stream, code, detail: error.message, hint: error.hint };
}

export function unreadableFromWire(wire: WireUnreadable): UnreadableStream {
  const key = { connector: wire.connector, stream: wire.stream };
  const options = { stream: formatStreamKey(key), hint: wire.hint };
  return { key, error: new TidemarkError(wire.code, wire.detail, options) };
}
