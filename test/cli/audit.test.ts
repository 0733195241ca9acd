import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { openState } from "../../src/state/storage/open.ts";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

async function folderWithLog(): Promise<string> {
  const cwd = temporaryFolder();
  await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
  for (const [stream, value] of [
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
  ] as const) {
    const act = { to: value, cursorType: "numeric_id", reason: `to ${value}`, actor: "ops" } as const;
    await state.reset({ connector: "acme", stream }, act);
  }
  return cwd;
}

describe("tidemark audit", () => {
  it("P12: shows who moved what, when and why, oldest first", async () => {
    const cwd = await folderWithLog();
    const { stdout, code } = await execute(["audit"], { cwd });
    const [titles, ...rows] = stdout.trimEnd().split("\n");
    expect(titles).toMatch(/^AT +STREAM +PARTITION +NO +ACTION +OLD +NEW +BY +REASON$/);
    expect(rows).toHaveLength(3);
    expect(rows[2]).toMatch(/^2\S+Z +acme\/b +2 +reset +1 +3 +ops +to 3$/);
    expect(code).toBe(0);
  });

  it("keeps to one stream, and to the newest rows", async () => {
    const cwd = await folderWithLog();
    const one = jsonOf(await execute(["audit", "acme", "b", "--json"], { cwd }));
    expect(one).toMatchObject([{ new_cursor: "1" }, { new_cursor: "3" }]);
    const newest = jsonOf(await execute(["audit", "--json", "--limit", "1"], { cwd }));
    expect(newest).toMatchObject([{ stream: "b", new_cursor: "3" }]);
  });

  it("says of a stream that is not stored that there is none, and of one that never moved just that", async () => {
    const cwd = await folderWithLog();
    for (const flag of [[], ["--verify"], ["--json"]]) {
      const { code, stdout, stderr } = await execute(["audit", "nobody", "nothing", ...flag], { cwd });
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain("STREAM_NOT_FOUND");
    }
    {
      await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
      await state.begin({ connector: "acme", stream: "quiet" }, { cursorType: "text" });
    }
    const { code, stderr } = await execute(["audit", "acme", "quiet"], { cwd });
    expect(stderr).toBe("nothing has moved acme/quiet yet\n");
    expect(code).toBe(0);
  });

  it("says which partition was moved", async () => {
    const cwd = await folderWithLog();
    {
      await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
      const act = { to: null, partition: "eu-1", reason: "read it again", actor: "ops" };
      await state.reset({ connector: "acme", stream: "a" }, act);
    }
    const { stdout } = await execute(["audit", "--limit", "1"], { cwd });
    expect(stdout).toMatch(/acme\/a +eu-1 +2 +reset +- +- +ops +read it again/);
    const rows = jsonOf(await execute(["audit", "--json", "--limit", "2"], { cwd }));
    expect(rows).toMatchObject([{ partition: null }, { stream: "a", partition: "eu-1" }]);
  });

  it("P12: verifies the log, and exits 1 with AUDIT_BROKEN where a row was altered", async () => {
    const cwd = await folderWithLog();
    const sound = await tidemark(["audit", "--verify"], { cwd });
    expect(sound.stdout).toContain("verified  3 rows of 2 streams");
    expect(sound.code).toBe(0);
    expect(jsonOf(await tidemark(["audit", "--verify", "--json"], { cwd }))).toEqual({
      verified: true,
      streams: 2,
      rows: 3,
    });
    const db = new DatabaseSync(join(cwd, ".tidemark/state.db"));
    db.exec("UPDATE tidemark_audit SET reason = 'nothing to see' WHERE stream = 'b' AND number = 1");
    db.close();
    const broken = await tidemark(["audit", "--verify"], { cwd });
    expect(broken.stderr).toContain("error AUDIT_BROKEN");
    expect(broken.stderr).toContain("acme/b");
    expect(broken.code).toBe(1);
    const asJson = await tidemark(["audit", "--verify", "--json"], { cwd });
    expect(jsonOf(asJson)).toMatchObject({ error: { code: "AUDIT_BROKEN" } });
    const other = await tidemark(["audit", "acme", "a", "--verify"], { cwd });
    expect(other.code).toBe(0);
  });

  it("is empty where there is no state, and makes none", async () => {
    const cwd = temporaryFolder();
    const { stderr, code } = await execute(["audit"], { cwd });
    expect(stderr).toContain("no state yet");
    expect(stderr).toContain("the audit log is empty");
    expect(code).toBe(0);
    expect(jsonOf(await execute(["audit", "--json"], { cwd }))).toEqual([]);
  });
});
