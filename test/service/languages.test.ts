import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../cli/support.ts";
import { done, type Running, startService } from "./support.ts";

const examples = join(root, "examples/clients");

const languages = [
  {
    name: "Python",
    probe: ["python3", "--version"],
    command: async () => ["python3", join(examples, "delta_run.py")],
    suite: ["python3", "-m", "unittest", "-v", "test_delta_run"],
  },
  {
    name: "Go",
    probe: ["go", "version"],
    command: buildGo,
    suite: ["go", "test", "-count=1", "delta_run.go", "delta_run_test.go"],
  },
];

/** Go's own resolver of names is built in a third of the time that the one in C takes. */
const withoutC = { CGO_ENABLED: "0" };

/** Built once, since `go run` takes its time with each run. */
async function buildGo(folder: string): Promise<string[]> {
  const program = join(folder, "delta_run");
  await promisify(execFile)("go", ["build", "-o", program, join(examples, "delta_run.go")], {
    env: { ...process.env, ...withoutC },
  });
  return [program];
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runIn(service: Running, key: string, [program = "", ...args]: string[], env = {}): Promise<Ended> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(program, [...args, "sap/eu", "suppliers été"], {
    env: { PATH, HOME, TIDEMARK_URL: service.url, TIDEMARK_KEY: key, PYTHONDONTWRITEBYTECODE: "1", ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

for (const { name, probe, command, suite } of languages) {
  const [program = "", ...args] = probe;
  const isThere = spawnSync(program, args).status === 0;

  describe.runIf(isThere)(`the example in ${name}`, () => {
    let folder = "";
    let run: string[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "tidemark-client-"));
      run = await command(folder);
    });

    afterAll(() => rm(folder, { recursive: true }));

    it("begins at nothing, goes on from its cursor, and leaves it when it fails", async () => {
      const service = await startService();
      const key = await service.key("run");
      const path = "/v1/streams/sap%2Feu/suppliers%20%C3%A9t%C3%A9";
      const first = await runIn(service, key, run);
      expect(first.stderr).toBe("");
      expect(JSON.parse(first.stdout)).toEqual({ lower_bound_cursor: null, records: 2 });
      const cursor = "2026-03-01T09:00:00.000000001Z";
      expect(done(await service.ask("GET", path))).toMatchObject({
        cursor_value: cursor,
        records_processed: 2,
      });
      const failed = await runIn(service, key, run, { SOURCE_IS_DOWN: "1" });
      expect(JSON.parse(failed.stdout)).toEqual({ lower_bound_cursor: cursor, records: 1 });
      expect(failed.code).not.toBe(0);
      expect(done(await service.ask("GET", path))).toMatchObject({
        status: "failed",
        cursor_value: cursor,
        last_error: "the source answered 502",
        records_processed: 1,
        metadata: { lower_used: cursor },
      });
      const again = await runIn(service, key, run);
      expect(again.code).toBe(0);
      expect(done(await service.ask("GET", path))).toMatchObject({ status: "completed", epoch: 3 });
    });

    it("keeps what its own tests promise, against a real service", async () => {
      const service = await startService();
      const [program = "", ...args] = suite;
      const { PATH = "", HOME = "" } = process.env;
      const key = await service.key("run");
      const env = {
        PATH,
        HOME,
        TIDEMARK_URL: service.url,
        TIDEMARK_KEY: key,
        PYTHONDONTWRITEBYTECODE: "1",
        ...withoutC,
      };
      await promisify(execFile)(program, args, { cwd: examples, env });
      expect((await service.state.list()).items.length).toBeGreaterThan(8);
    });

    it("tells of a wrong key in the service's own words", async () => {
      const service = await startService();
      const { code, stderr } = await runIn(service, "tmk_wrong", run);
      expect(stderr).toContain("UNAUTHORIZED");
      expect(code).toBe(1);
    });
  });
}
