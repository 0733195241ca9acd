import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { openSqliteState } from "../../src/state/storage/sqlite/sqlite.ts";
import { events, sourceServer } from "../cli/source-server.ts";
import { temporaryFolder } from "../cli/support.ts";
import { idsIn, scheduledYaml, startSchedules, toFile } from "./support.ts";

it("P10: a stream that cannot be read does not keep the other pipelines from starting", async () => {
  const cwd = temporaryFolder();
  const file = join(cwd, "state.db");
  {
    await using state = await openSqliteState(file);
    const run = await state.begin({ connector: "aaa", stream: "first" }, { cursorType: "numeric_id" });
    await state.complete(run, { newCursor: "5" });
  }
  const db = new DatabaseSync(file);
  db.exec("UPDATE tidemark_streams SET position = 'oops'");
  db.close();
  const source = await sourceServer(events(3));
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, toFile("events")));
  const started = startSchedules(cwd, ["events.yaml", "--port", "0", "--state", `sqlite:${file}`]);
  await started.line({ msg: "run completed" });
  const { url } = await started.line({ msg: "started" });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  started.child.kill("SIGTERM");
  expect((await started.ended).code).toBe(0);
  expect(idsIn(cwd, "events")).toEqual([1, 2, 3]);
});
