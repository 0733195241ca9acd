import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommand, startCommand, testFolder } from "../support/command.ts";
import { idsInSqlite, lostAndRepeated } from "../support/delivered.ts";
import { sendJson, startHttpServer } from "../support/http-server.ts";

const pages = 20;
const pageSize = 10;

/** A source that sorts newest first and pages by a token; `refused` tokens are answered with 410. */
async function startDescendingSource() {
  const source = { refusesTokens: false, beforePage: async (_page: number): Promise<void> => {} };
  const server = await startHttpServer(async ({ url }, response) => {
    const token = url.searchParams.get("token");
    const page = token === null ? 1 : Number(token);
    if (token !== null && source.refusesTokens) {
      response.writeHead(410).end("gone");
      return;
    }
    await source.beforePage(page);
    const data = Array.from({ length: pageSize }, (_, index) => {
      const id = pages * pageSize - (page - 1) * pageSize - index;
      return { id, updated_at: `2026-01-01T00:00:00.${String(id).padStart(6, "0")}Z` };
    });
    sendJson(response, { data, next: page < pages ? String(page + 1) : null });
  });
  return Object.assign(server, { source });
}

const pagesAsked = (seen: readonly { url: URL }[]): number[] =>
  seen.map(({ url }) => Number(url.searchParams.get("token") ?? 1));

function pipelineFile(origin: string): string {
  return `name: records
input:
  type: httpPolling
  endpoint: ${origin}/records
  dataField: data
  key: id
  pagination: { type: cursor, param: token, nextCursorField: next }
  statePersistence:
    timestamp: { field: updated_at, queryParam: updated_after, granularity: 1us }
    order: descending
    pagesPerCheckpoint: 5
output: { type: database, connectionString: "sqlite:./out.db", table: records, mode: append }
`;
}

/** Runs until the thirteenth page has been read and written, and kills it while it waits for the next ones. */
async function killedAfterPage13(folder: string, server: Awaited<ReturnType<typeof startDescendingSource>>) {
  const arrived = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  server.source.beforePage = async (page) => {
    // The read is one page ahead: page 15 is asked for when page 13 has been written.
    if (page < 15) return;
    arrived.resolve();
    await never.promise;
  };
  const run = startCommand(folder, "run", "records.yaml", "--json");
  await arrived.promise;
  run.process.kill("SIGKILL");
  await run.ended;
  never.resolve();
  server.source.beforePage = async () => {};
}

test("P1 P8: a descending read killed after page 13, with a checkpoint every 5, goes on at page 11", async () => {
  const folder = testFolder();
  await using server = await startDescendingSource();
  writeFileSync(join(folder, "records.yaml"), pipelineFile(server.origin));
  await killedAfterPage13(folder, server);
  const before = server.seen.length;
  const resumed = await runCommand(folder, "run", "records.yaml", "--json");
  expect(JSON.parse(resumed.stdout), resumed.stderr).toMatchObject({
    status: "completed",
    new_cursor: "2026-01-01T00:00:00.0002Z",
  });
  expect(pagesAsked(server.seen.slice(before))).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  const ids = await idsInSqlite(join(folder, "out.db"), "records")();
  expect(lostAndRepeated(ids, pages * pageSize)).toEqual({ lost: [], repeated: [] });
});

test("P1 P2: where the source has forgotten the token, the window is read from its start and nothing is repeated", async () => {
  const folder = testFolder();
  await using server = await startDescendingSource();
  writeFileSync(join(folder, "records.yaml"), pipelineFile(server.origin));
  await killedAfterPage13(folder, server);
  const before = server.seen.length;
  let refused = false;
  server.source.refusesTokens = true;
  server.source.beforePage = async (page) => {
    if (page === 1) refused = true;
    server.source.refusesTokens = false;
  };
  const restarted = await runCommand(folder, "run", "records.yaml", "--json");
  expect(refused).toBe(true);
  const result = JSON.parse(restarted.stdout);
  expect(result, restarted.stderr).toMatchObject({ status: "completed" });
  expect(result.warnings.map(({ code }: { code: string }) => code)).toContain("RESUME_REFUSED");
  expect(pagesAsked(server.seen.slice(before))).toEqual([
    11,
    ...Array.from({ length: pages }, (_, index) => index + 1),
  ]);
  const ids = await idsInSqlite(join(folder, "out.db"), "records")();
  expect(lostAndRepeated(ids, pages * pageSize)).toEqual({ lost: [], repeated: [] });
});
