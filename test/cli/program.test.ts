import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

describe("the command line", () => {
  it("greets with help that lists every command and shows how to begin", async () => {
    const { code, stdout, stderr } = await tidemark(["--help"], { cwd: temporaryFolder() });
    for (const name of ["init", "validate", "run", "state", "audit"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} .*\\w`, "m"));
    }
    expect(stdout).toContain("tidemark init");
    expect(stdout).toContain("Exit codes: 0 done or skipped, 1 the run failed, 2");
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it.each([
    [["validate"], "FILE"],
    [["run"], "--dry-run"],
    [["init"], "--endpoint"],
    [["audit"], "--verify"],
    [["state", "list"], "--connector"],
    [["state", "show"], "<connector> <stream>"],
    [["state", "set"], "--reason"],
    [["state", "reset"], "--yes"],
    [["state", "rewind"], "--to-output"],
    [["state", "history"], "--limit"],
    [["state", "export"], "--output"],
    [["state", "import"], "--reason"],
  ])("explains %j with its options, the global ones and examples", async (command, own) => {
    const asked = await execute([...command, "--help"], { cwd: temporaryFolder() });
    expect(asked.stdout.toUpperCase()).toContain(own.toUpperCase());
    expect(asked.stdout).toContain("--state <url>");
    expect(asked.stdout).toContain("TIDEMARK_STATE");
    expect(asked.stdout).toContain("--json");
    expect(asked.stdout).toContain(`  $ tidemark ${command.join(" ")}`);
    expect(asked.code).toBe(0);
    const other = await execute(["help", ...command], { cwd: temporaryFolder() });
    expect(other.stdout).toBe(asked.stdout);
  });

  it.each([
    [["rnu"], "unknown command 'rnu'", "Did you mean run?"],
    [["state", "lst"], "unknown command 'lst'", "Did you mean list?"],
    [["audit", "--verfy"], "unknown option '--verfy'", "Did you mean --verify?"],
    [["state", "show", "acme"], "missing required argument 'stream'", "--help"],
    [["state", "set", "a", "b", "1"], "--reason", "--help"],
    [["state", "history", "a", "b", "--limit", "none"], "--limit is none", "whole number"],
    [["audit", "acme"], "a connector is given and no stream", "neither"],
    [["state", "list", "--state", "mongodb://x"], "mongodb", "sqlite:"],
    [["state", "list", "--state", "sqlite://state.db"], "two slashes", "sqlite:./state.db"],
    [["state", "list", "--state", "sqlite:state.db?mode=ro"], "parameters", "sqlite:"],
  ])("refuses %j with code 2, a reason and what to do", async (args, reason, hint) => {
    const { code, stdout, stderr } = await tidemark(args, { cwd: temporaryFolder() });
    expect(stderr).toMatch(/^error \w+ {2}/);
    expect(stderr).toContain(reason);
    expect(stderr).toMatch(/^→ /m);
    expect(stderr).toContain(hint);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    const asJson = await tidemark([...args, "--json"], { cwd: temporaryFolder() });
    expect(jsonOf(asJson)).toMatchObject({
      error: { code: expect.any(String), message: expect.stringContaining(reason), recoverable: false },
    });
    expect(asJson.stderr).toBe("");
    expect(asJson.code).toBe(2);
  });

  it.each([[[]], [["state"]]])("shows the help of %j on stderr where a command is missing", async (args) => {
    const { code, stdout, stderr } = await tidemark(args, { cwd: temporaryFolder() });
    expect(stderr).toContain("Usage: tidemark");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("prints no colours into a pipe, nor with NO_COLOR on any stream", async () => {
    const { stdout } = await tidemark(["--help"], { cwd: temporaryFolder(), env: { NO_COLOR: "1" } });
    expect(stdout).not.toContain("\u001b");
    const plain = await tidemark(["rnu"], { cwd: temporaryFolder() });
    expect(plain.stderr).not.toContain("\u001b");
  });

  it("prints a stack only where TIDEMARK_DEBUG asks for one", async () => {
    const { stderr } = await tidemark(["rnu"], { cwd: temporaryFolder(), env: { TIDEMARK_DEBUG: "1" } });
    expect(stderr).toMatch(/^\s+at /m);
  });

  it("leaves nothing behind where it only looked", async () => {
    const cwd = temporaryFolder();
    await tidemark(["state", "list"], { cwd });
    await tidemark(["audit"], { cwd });
    expect(readdirSync(cwd)).toEqual([]);
  });
});
