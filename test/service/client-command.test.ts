import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { events, pipelineYaml, sourceServer } from "../cli/source-server.ts";
import { type Ended, execute, jsonOf, temporaryFolder, tidemark } from "../cli/support.ts";
import { serveProcess } from "./support.ts";

const issued = z.object({ id: z.string(), key: z.string() });

/**
 * A service with a key for runs, and a worker in a folder of its own that has nothing but its address; `execution`
 * executes its commands.
 */
async function workerOfService(execution: typeof execute = execute) {
  const home = temporaryFolder();
  const service = await serveProcess([], home);
  const admin = readFileSync(join(home, ".tidemark/admin.key"), "utf8");
  const run = issued.parse(
    jsonOf(await tidemark(["keys", "create", "--scope", "run", "--json"], { cwd: home })),
  );
  const cwd = temporaryFolder();
  const command = (key: string | undefined, ...args: string[]): Promise<Ended> =>
    execution([...args, "--state", service.url], {
      cwd,
      env: key === undefined ? {} : { TIDEMARK_KEY: key },
    });
  return { cwd, command, admin, run, service };
}

const toFile = "{ type: file, path: ./out.jsonl }";

test("P8: pipelines run on a service's state: everything, what is new, and on from a failure", async () => {
  const { cwd, command, run } = await workerOfService();
  const source = await sourceServer(events(5));
  writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, toFile));
  const first = await command(run.key, "run", "events.yaml", "--json");
  expect(jsonOf(first)).toMatchObject({
    status: "completed",
    records_written: 5,
    lower_bound: null,
    new_cursor: "2026-01-01T00:05:00Z",
  });
  source.events.push(...events(3, 6));
  source.intercept = (_, response, url) => {
    if (url.searchParams.get("page") !== "2") return false;
    response.writeHead(400).end();
    return true;
  };
  const failed = await command(run.key, "run", "events.yaml", "--json");
  expect(failed.code).toBe(1);
  source.intercept = () => false;
  const third = await command(run.key, "run", "events.yaml", "--json");
  expect(jsonOf(third)).toMatchObject({ status: "completed", new_cursor: "2026-01-01T00:08:00Z" });
  const ids = readFileSync(join(cwd, "out.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).id);
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const history = await command(run.key, "state", "history", "acme", "events", "--json");
  expect(jsonOf(history)).toMatchObject(
    ["completed", "failed", "completed"].map((outcome) => ({ outcome, actor: run.id })),
  );
});

test("streams are listed, shown, exported, moved and verified through a service", async () => {
  const { cwd, command, admin } = await workerOfService();
  const set = await command(
    admin,
    ...["state", "set", "acme", "orders", "12345678901234567890"],
    ...["--type", "numeric_id", "--reason", "from the old system"],
  );
  expect(set.code).toBe(0);
  expect(jsonOf(await command(admin, "state", "list", "--json"))).toMatchObject([
    { connector: "acme", stream: "orders", cursor_value: "12345678901234567890" },
  ]);
  const shown = await command(admin, "state", "show", "acme", "orders");
  expect(shown.stdout).toContain("12345678901234567890");
  await command(admin, "state", "export", "--output", "all.json");
  const reset = await command(admin, "state", "reset", "acme", "orders", "--reason", "again", "--yes");
  expect(reset.code).toBe(0);
  const back = await command(admin, "state", "import", join(cwd, "all.json"), "--reason", "not so");
  expect(back.stderr).toBe("");
  expect(jsonOf(await command(admin, "audit", "--json"))).toMatchObject([
    { action: "reset", reason: "from the old system", actor: expect.stringMatching(/^key_/) },
    { action: "reset", new_cursor: null },
    { action: "import", new_cursor: "12345678901234567890" },
  ]);
  expect(jsonOf(await command(admin, "audit", "--verify", "--json"))).toMatchObject({
    verified: true,
    rows: 3,
  });
});

test("P14: what a key may not, and a key that is none, is reported with exit 1 and without the key", async () => {
  const { command, run } = await workerOfService(tidemark);
  const to = ["acme", "orders", "1", "--type", "numeric_id", "--reason", "again"];
  const reset = await command(run.key, "state", "set", ...to);
  expect(reset.stderr).toMatch(/error FORBIDDEN.*needs the scope admin/);
  expect(reset.code).toBe(1);
  const none = await command(undefined, "state", "list");
  expect(none.stderr).toMatch(/error UNAUTHORIZED.*none is given/);
  expect(none.stderr).toContain("TIDEMARK_KEY");
  const wrong = await command(`${run.key}x`, "state", "list");
  expect(wrong.stderr).toMatch(/error UNAUTHORIZED.*refused the key from TIDEMARK_KEY/);
  expect(wrong.stderr).not.toContain(run.key);
  expect(wrong.code).toBe(1);
});
