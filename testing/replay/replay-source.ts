import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { type Clock, systemClock } from "../../src/clock.ts";
import { TidemarkError } from "../../src/errors.ts";
import { isSecretName } from "../../src/http/address.ts";
import { isAlias } from "./aliases.ts";
import { answerWith, fits, isDelivered, type Played, sendAnswer } from "./answers.ts";
import { type CheckedFault, type Fault, faultSchema, Strikes } from "./faults.ts";
import { bytesOf, type Loopback, listen } from "./loopback.ts";
import { readRecording } from "./recording.ts";
import { type Asked, Tape } from "./tape.ts";

export interface ReplayOptions {
  /** A folder that `recordSource` wrote. */
  readonly folder: string;
  /** What goes wrong; nothing unless given. A fault without `rate` and `at` strikes one request in ten. */
  readonly faults?: readonly Fault[];
  /** Decides which requests are struck; 1 unless given. */
  readonly seed?: number;
  /** How often the same request is struck one after another at most; 2 unless given. */
  readonly inARow?: number;
  /** Parameters that need not be as recorded, such as a time that is taken from the clock. */
  readonly ignore?: readonly string[];
  /**
   * Parameters that are lower bounds, such as `updated_after`. A run that goes on after a fault asks from
   * elsewhere than the recorded ones did; it is answered by the recorded request with the highest bound that
   * is not above its own, so that records below its bound come along, as from a source that compares loosely.
   */
  readonly bounds?: readonly string[];
  /** Tells the time that answers carry; the system's unless given. */
  readonly clock?: Clock;
}

/** One request and what came of it. Nothing in it is a secret. */
export interface ReplayedRequest {
  /** Counted from 1. */
  readonly number: number;
  readonly method: string;
  /** The path, and the query without what carries secrets. */
  readonly address: string;
  /** The recorded file that answers it; null where there is none. */
  readonly file: string | null;
  /** The fault that struck; null where the answer went out as it was recorded. */
  readonly fault: CheckedFault["kind"] | null;
  /** The status that was sent; null where the connection was closed instead. */
  readonly status: number | null;
}

export interface ReplayServer extends Loopback {
  /** Every request so far, oldest first: which fault struck which request. */
  readonly log: readonly ReplayedRequest[];
}

const optionsSchema = z.object({
  faults: z.array(faultSchema).default([]),
  seed: z.number().default(1),
  inARow: z.int().min(1).default(2),
  ignore: z.array(z.string()).default([]),
  bounds: z.array(z.string()).default([]),
});

/**
 * Plays a recording on 127.0.0.1, with faults. A request is answered by the recorded one with the same method,
 * path, parameters in whatever order, and body; where it was recorded several times, by each in turn and then
 * by the last. An answer that a fault has kept from the client is not used up: the next attempt gets it.
 * Credentials are not compared, since the recording has none. A request that was not recorded gets a 404 that
 * says so, and is in the log with no file.
 *
 * The same recording, faults and seed strike the same requests of the same client again.
 * Throws `ARGUMENT_INVALID` for a folder without a recording, and for a fault that is none.
 *
 * ```ts
 * await using source = await replaySource({
 *   folder: "./recordings/orders",
 *   faults: [{ kind: "too-many-requests", retryAfterSeconds: 1 }, { kind: "truncated", at: [3] }],
 *   seed: 7,
 * });
 * await sync(pipelineAgainst(source.origin), { state });
 * console.table(source.log);
 * ```
 */
export async function replaySource(options: ReplayOptions): Promise<ReplayServer> {
  const { faults, seed, inARow, ignore, bounds } = readOptions(options);
  const clock = options.clock ?? systemClock;
  const tape = new Tape(readRecording(options.folder), ignore, bounds);
  const strikes = new Strikes(faults, seed, inARow);
  const times = new Map<string, number>();
  const log: ReplayedRequest[] = [];

  const server = await listen(async (incoming, response) => {
    const body = (await bytesOf(incoming)).toString();
    const asked = readRequest(incoming, body);
    const found = tape.find(asked);
    const number = log.length + 1;
    const key = found?.file ?? asked.address;
    const time = (times.get(key) ?? 0) + 1;
    times.set(key, time);

    const played =
      found === null ? notRecorded(asked.method, asked.address) : tape.play(found, server.origin);
    const fault = strikes.strike({ number, key, time }, (each) => found !== null && fits(each, played));
    if (found !== null && isDelivered(fault)) tape.use(found);
    const answer = fault === null ? played.answer : answerWith(fault, played, clock.now());
    log.push({
      number,
      method: asked.method,
      address: asked.address,
      file: found?.file ?? null,
      fault: fault?.kind ?? null,
      status: answer?.status ?? null,
    });
    await sendAnswer(response, answer, fault);
  });
  return { ...server, log };
}

function readOptions({
  folder: _folder,
  clock: _clock,
  ...options
}: ReplayOptions): z.output<typeof optionsSchema> {
  const parsed = optionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw new TidemarkError("ARGUMENT_INVALID", `replaySource: ${z.prettifyError(parsed.error)}`);
}

function readRequest(incoming: IncomingMessage, body: string): Asked & { readonly address: string } {
  const url = new URL(incoming.url ?? "/", "http://localhost");
  const query = [...url.searchParams];
  const shown = query.map(([name, value]) =>
    isSecretName(name) && !isAlias(value) ? `${name}=…` : `${name}=${value}`,
  );
  const address = `${url.pathname}${shown.length === 0 ? "" : `?${shown.join("&")}`}`;
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query,
    body: body === "" ? null : body,
    address,
  };
}

function notRecorded(method: string, address: string): Played {
  const detail = `The recording has no answer to ${method} ${address}.`;
  const body = Buffer.from(JSON.stringify({ title: "Not recorded", status: 404, detail }));
  return {
    answer: { status: 404, headers: { "content-type": "application/problem+json" }, body },
    before: null,
  };
}
