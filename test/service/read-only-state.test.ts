import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { openState } from "../../src/state/storage/open.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { temporaryFolder } from "../cli/support.ts";
import { done, problemIn, startService } from "./support.ts";

it("a state that a newer version has taken over is not ready", async () => {
  const file = `${temporaryFolder()}/state.db`;
  await using state = await openState(`sqlite:${file}`);
  const clock = new FakeClock();
  const service = await startService({ state, clock });
  done(await service.ask("GET", "/readyz"));
  const newer = new DatabaseSync(file);
  newer.exec("UPDATE tidemark_schema SET version = version + 1");
  newer.close();
  await clock.advance(2_000);
  const problem = problemIn(await service.ask("GET", "/readyz"));
  expect(problem).toMatchObject({
    status: 503,
    code: "STATE_UNAVAILABLE",
    hint: expect.stringContaining("Upgrade"),
  });
});
