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

/** Has each Node that starts say which process it is, and with which flags. */
const telling =
  "data:text/javascript,process.stderr.write(`pid ${process.pid} of ${process.execArgv.join(' ').slice(0, 100)}\\n`)";

describe("the entry of the package", () => {
  it.skipIf(process.execve === undefined)(
    "begins anew with a small heap where records are moved, as the same process with the flags it had",
    async () => {
      const args = ["--import", telling, join(root, "src/cli/main.ts"), "run", "missing.yaml"];
      const { child, ended } = startProcess(process.execPath, args, { cwd: temporaryFolder() });
      const { code, stderr } = await ended;
      const starts = stderr.split("\n").filter((line) => line.startsWith("pid "));
      expect(starts).toEqual([
        expect.stringContaining(`pid ${child.pid} of --import`),
        expect.stringContaining(
          `pid ${child.pid} of --disable-sigusr1 --max-semi-space-size=8 --heap-growing-percent=50 --import`,
        ),
      ]);
      expect(stderr).toContain("missing.yaml");
      expect(code).toBe(2);
    },
  );

  it("starts once where it moves nothing, or is given a memory size", async () => {
    const main = join(root, "src/cli/main.ts");
    for (const args of [
      [main, "state", "list"],
      ["--max-semi-space-size=2", main, "run", "missing.yaml"],
    ]) {
      const { stderr } = await startProcess(process.execPath, ["--import", telling, ...args], {
        cwd: temporaryFolder(),
      }).ended;
      expect(stderr.split("\n").filter((line) => line.startsWith("pid "))).toHaveLength(1);
    }
  });

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

  it("goes on where the runtime has no cache of compiled code, as Deno has none", async () => {
    const without = 'data:text/javascript,import m from "node:module"; delete m.enableCompileCache';
    const args = ["--import", without, join(root, "src/cli/main.ts"), "--version"];
    const { code, stdout } = await startProcess(process.execPath, args, { cwd: temporaryFolder() }).ended;
    expect(stdout).toBe(`${packageVersion}\n`);
    expect(code).toBe(0);
  });
});

describe("the entries of the library", () => {
  it.each(["src/index.ts", "src/api/service/index.ts", "testing/index.ts"])(
    "%s says on an old Node what is needed, before anything else",
    async (entry) => {
      const older =
        'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"22.12.0"}})';
      const load = `import(${JSON.stringify(join(root, entry))}).catch((error) => console.log(error.message))`;
      const { stdout } = await startProcess(process.execPath, ["--import", older, "-e", load], {
        cwd: temporaryFolder(),
      }).ended;
      expect(stdout).toContain("Tidemark needs Node 24 or newer, and this is Node 22.12.0");
    },
  );
});
