import { expect, test } from "vitest";
import { type AskedClient, assertSessionStays } from "./pooler.ts";

/** A connection behind an address that is not the server's own; each query meets the next of these sessions. */
function connection(...sessions: (readonly [pid: number, start: string | null])[]) {
  let asked = 0;
  const query = async (sql: string) => {
    if (!sql.startsWith("SELECT")) return { rows: [] };
    const [pid, start] = sessions[asked++ % sessions.length] ?? [];
    return { rows: [{ pid, start }] };
  };
  return { query, async end() {} } as unknown as AskedClient & { end(): Promise<void> };
}

async function outcome(
  client: AskedClient,
  session: number,
  beside: AskedClient & { end(): Promise<void> },
): Promise<string> {
  const parts = { role: "input", place: "db:5432/app", connect: async () => beside } as const;
  return assertSessionStays(client, session, parts).then(
    () => "taken",
    (error: Error) => error.message,
  );
}

test("sessions of two servers that have one number are two sessions", async () => {
  const first = connection([63, "2026-01-01 10:00:00.000001+00"]);
  expect(await outcome(first, 63, connection([63, "2026-01-01 10:00:00.000002+00"]))).toBe("taken");
});

test("a server that gives its sessions no numbers is not taken for a pooler", async () => {
  for (const pid of [0, -1]) {
    expect(await outcome(connection([pid, null]), pid, connection([pid, null]))).toBe("taken");
  }
});

test("a server that cannot be asked when its sessions began is not taken for a pooler", async () => {
  const silent = { query: () => Promise.reject(new Error("no such table")) } as unknown as AskedClient;
  expect(await outcome(silent, 63, connection([64, null]))).toBe("taken");
});

test("sessions that change or meet are a pooler's", async () => {
  const changing = connection([63, "a"], [64, "b"]);
  expect(await outcome(changing, 63, connection([65, "c"]))).toMatch(/pooler/);
  expect(await outcome(connection([63, "a"]), 63, connection([63, "a"]))).toMatch(/pooler/);
});
