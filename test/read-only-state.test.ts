import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { deltaRun, openState } from "../src/index.ts";
import { tidemark } from "./cli/support.ts";

const stream = { connector: "acme", stream: "events" };

/** Whether this process may mount: in a container without the right to, these cases cannot be set up. */
const canMount = spawnSync("unshare", ["--mount", "true"]).status === 0 && process.getuid?.() === 0;

/** A folder with a state, and the same folder on a file system that cannot be written. */
async function readOnlyState(): Promise<{ url: string; file: string }> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-read-only-"));
  const [kept, mounted] = [join(folder, "kept"), join(folder, "mounted")];
  for (const path of [kept, mounted]) mkdirSync(path);
  {
    await using state = await openState(`sqlite:${join(kept, "state.db")}`);
    await deltaRun(state, stream, (run) => run.setNewCursor("2026-01-01T00:00:00Z"));
  }
  execFileSync("mount", ["--bind", kept, mounted]);
  execFileSync("mount", ["-o", "remount,bind,ro", mounted]);
  onTestFinished(() => {
    execFileSync("umount", [mounted]);
    rmSync(folder, { recursive: true });
  });
  return { url: `sqlite:${join(mounted, "state.db")}`, file: join(kept, "state.db") };
}

it.skipIf(!canMount)("state on a read-only file system can be looked at, and not moved", async () => {
  const { url } = await readOnlyState();
  const listed = await tidemark(["state", "list", "--json", "--state", url], { cwd: tmpdir() });
  expect(listed.stderr).toBe("");
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { stream: "events", cursor_value: "2026-01-01T00:00:00Z" },
  ]);
  expect((await tidemark(["audit", "--verify", "--state", url], { cwd: tmpdir() })).code).toBe(0);
  await using state = await openState(url);
  expect(await state.get(stream)).toMatchObject({ status: "completed" });
  await expect(state.begin(stream, { cursorType: "timestamp_utc" })).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
  });
});

it.skipIf(!canMount)(
  "what cannot be read in full there is refused, and not shown as it was before",
  async () => {
    const { url, file } = await readOnlyState();
    const writer = new DatabaseSync(file);
    onTestFinished(() => writer.close());
    writer.exec("PRAGMA wal_autocheckpoint = 0; UPDATE tidemark_streams SET last_error = 'newer'");
    const found = await openState(url).then(
      async (state) => {
        await using opened = state;
        return (await opened.get(stream))?.lastError;
      },
      (error: unknown) => error,
    );
    if (found !== "newer") expect(found).toMatchObject({ code: "STATE_UNAVAILABLE" });
  },
);
