import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, startProcess, temporaryFolder } from "./support.ts";

const launcher = join(root, "bin/tidemark");
const packageVersion: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

describe("bin/tidemark", () => {
  it("runs the checkout's command from any folder", async () => {
    const { code, stdout } = await startProcess(launcher, ["--version"], { cwd: temporaryFolder() }).ended;
    expect(stdout).toBe(`${packageVersion}\n`);
    expect(code).toBe(0);
  });

  it("follows symlinks, absolute and relative, whose names have spaces", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "my bin"));
    symlinkSync(launcher, join(folder, "first link"));
    symlinkSync("../first link", join(folder, "my bin/tide mark"));
    const { code, stdout } = await startProcess(join(folder, "my bin/tide mark"), ["--version"], {
      cwd: folder,
    }).ended;
    expect(stdout).toBe(`${packageVersion}\n`);
    expect(code).toBe(0);
  });

  it("says what to do where the packages are not installed", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "bin"));
    copyFileSync(launcher, join(folder, "bin/tidemark"));
    const { code, stdout, stderr } = await startProcess(join(folder, "bin/tidemark"), [], { cwd: "/" }).ended;
    expect(stderr).toContain("packages that Tidemark needs are not installed");
    expect(stderr).toContain("npm ci");
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });
});

describe("the entry of the package", () => {
  it("says on an old Node what is needed, instead of a syntax error", async () => {
    const folder = temporaryFolder();
    const source = readFileSync(join(root, "src/cli/main.ts"), "utf8");
    writeFileSync(join(folder, "main.mjs"), stripTypeScriptTypes(source));
    const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.1.0"}})';
    const { code, stderr } = await startProcess(
      process.execPath,
      ["--import", older, join(folder, "main.mjs"), "run", "x.yaml"],
      { cwd: folder },
    ).ended;
    expect(stderr).toContain("Tidemark needs Node 24 or newer");
    expect(stderr).not.toContain("at ");
    expect(code).toBe(1);
  });
});
