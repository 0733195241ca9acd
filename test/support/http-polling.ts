import type { z } from "zod";
import type { InputContext, InputSession, Page, PartContext, ReadRequest } from "../../src/engine/ports.ts";
import { createHttpPolling } from "../../src/inputs/http/input.ts";
import { httpPollingSchema } from "../../src/inputs/http/schema.ts";
import { SkippingClock } from "./skipping-clock.ts";

export type HttpPollingKeys = Omit<z.input<typeof httpPollingSchema>, "type">;

/** What a read gave before it ended, and how it ended. */
export interface ReadResult {
  readonly pages: Page[];
  /** All pages' records, one after another. */
  readonly records: Page["records"];
  /** What the read threw; null where it ended well. */
  readonly error: unknown;
  /** The codes of its warnings, and the same with what they said, as `CODE: message`. */
  readonly warnings: string[];
  readonly messages: string[];
  /** What was known of the source at its end. */
  readonly facts: ReadonlySet<string>;
}

/** An open session of an `httpPolling` input of these keys, on a clock that skips all waiting. */
export async function openSession(
  keys: HttpPollingKeys,
  {
    clock = new SkippingClock(),
    warn = () => {},
    facts = new Set(),
  }: Partial<Pick<InputContext, "clock" | "warn" | "facts">> = {},
): Promise<InputSession> {
  const input = createHttpPolling(httpPollingSchema.parse({ type: "httpPolling", ...keys }), {
    random: () => 0,
  });
  const { signal } = new AbortController();
  return input.open({
    key: { connector: "acme", stream: "events" },
    clock,
    signal,
    warn,
    facts,
  });
}

/** A read of everything, but for what is given. */
export function wholeRead(request: Partial<ReadRequest> = {}): ReadRequest {
  const { signal } = new AbortController();
  return { window: { lower: null, upper: null }, secondaryCursors: {}, resume: null, signal, ...request };
}

/** One run's read by an `httpPolling` input of these keys, on a clock that skips all waiting. */
export async function readOnce(
  keys: HttpPollingKeys,
  request: Partial<ReadRequest> = {},
  facts: ReadonlySet<string> = new Set(),
): Promise<ReadResult> {
  const warnings: string[] = [];
  const messages: string[] = [];
  const warn: PartContext["warn"] = (code, message) => {
    warnings.push(code);
    messages.push(`${code}: ${message}`);
  };
  const session = await openSession(keys, { warn, facts });
  const pages: Page[] = [];
  let error: unknown = null;
  try {
    for await (const page of session.read(wholeRead(request))) pages.push(page);
  } catch (thrown) {
    error = thrown;
  } finally {
    await session.close();
  }
  const records = pages.flatMap((page) => page.records);
  return { pages, records, error, warnings, messages, facts: session.facts?.() ?? new Set() };
}
