import { z } from "zod";
import { type HttpClient, type HttpClientParts, openHttpClient } from "../../src/http/client.ts";
import { httpSettingsShape } from "../../src/http/schema.ts";
import { SkippingClock } from "./skipping-clock.ts";

const settingsSchema = z.strictObject(httpSettingsShape);

export interface TestClient {
  readonly client: HttpClient;
  readonly clock: SkippingClock;
  /** Codes of the warnings so far. */
  readonly warnings: string[];
}

/** A client on a clock that skips all waiting. */
export async function openTestClient(
  origin: string,
  settings: z.input<typeof settingsSchema>,
  parts: Partial<HttpClientParts> = {},
): Promise<TestClient> {
  const clock = new SkippingClock();
  const warnings: string[] = [];
  const client = await openHttpClient(settingsSchema.parse(settings), {
    clock,
    random: () => 0,
    warn: (code) => warnings.push(code),
    origin,
    ...parts,
  });
  return { client, clock, warnings };
}
