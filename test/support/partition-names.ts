import type { InputSession } from "../../src/engine/ports.ts";
import { type HttpPollingKeys, openSession } from "./http-polling.ts";

const { signal } = new AbortController();

/** The pages of names that a session gives, and how they ended. */
export async function namesOf(
  session: InputSession,
): Promise<{ pages: (readonly string[])[]; error: unknown }> {
  const pages: (readonly string[])[] = [];
  try {
    for await (const page of session.partitions?.(signal) ?? []) pages.push(page);
    return { pages, error: null };
  } catch (error) {
    return { pages, error };
  }
}

/** As `namesOf`, of a session by these keys. */
export async function namesBy(keys: HttpPollingKeys): Promise<Awaited<ReturnType<typeof namesOf>>> {
  const session = await openSession(keys);
  try {
    return await namesOf(session);
  } finally {
    await session.close();
  }
}
