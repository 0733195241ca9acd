import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { type Ended, execute, jsonOf, temporaryFolder, tidemark } from "../cli/support.ts";
import { ask, done, serveProcess } from "./support.ts";

const issued = z.object({ id: z.string(), key: z.string(), scope: z.string() });

/** A service, and `tidemark keys` in a folder that has nothing of it but its address. */
async function keysOfService() {
  const home = temporaryFolder();
  const service = await serveProcess([], home);
  const admin = readFileSync(join(home, ".tidemark/admin.key"), "utf8").trim();
  const here = (...args: string[]): Promise<Ended> => execute(["keys", ...args], { cwd: home });
  const cwd = temporaryFolder();
  const by =
    (run: typeof execute) =>
    (key: string | undefined, ...args: string[]): Promise<Ended> =>
      run(["keys", ...args, "--state", service.url], {
        cwd,
        env: key === undefined ? {} : { TIDEMARK_KEY: key },
      });
  const { id: adminId } = done(await ask(service.url, "GET", "/v1/key", { key: admin }));
  return { service, admin, adminId: String(adminId), here, there: by(execute), process: by(tidemark) };
}

describe("keys of a service, by its address", () => {
  it("are made, listed, revoked and reported as on the service's own machine", async () => {
    const { service, admin, adminId, here, there } = await keysOfService();
    const wanted = ["--scope", "run", "--connector", "sap_*", "--connector", "acme", "--expires", "90d"];
    const made = issued.parse(jsonOf(await there(admin, "create", ...wanted, "--name", "nightly", "--json")));
    expect(made.scope).toBe("run");
    const whoami = done(await ask(service.url, "GET", "/v1/key", { key: made.key }));
    expect(whoami).toMatchObject({ id: made.id, connectors: ["sap_*", "acme"], name: "nightly" });
    const revoked = await there(admin, "revoke", made.id, "--json");
    expect(jsonOf(revoked)).toMatchObject({ id: made.id, revoked_by: adminId });
    expect((await ask(service.url, "GET", "/v1/key", { key: made.key })).status).toBe(401);
    for (const command of ["list", "history"]) {
      for (const more of [[], ["--json"]]) {
        const [local, remote] = [await here(command, ...more), await there(admin, command, ...more)];
        expect(remote.stdout).toContain(made.id);
        expect(remote).toEqual(local);
      }
    }
    const history = z.array(z.looseObject({})).parse(jsonOf(await there(admin, "history", "--json")));
    expect(history).toMatchObject([
      { action: "create" },
      { action: "create", key_id: made.id, actor: adminId },
      { action: "revoke", key_id: made.id, actor: adminId },
    ]);
  });

  it("the key alone goes to stdout, what it may do to stderr", async () => {
    const { admin, there } = await keysOfService();
    const plain = await there(admin, "create", "--scope", "read");
    expect(plain.stdout).toMatch(/^tmk_\S+\n$/);
    expect(plain.stderr).toMatch(/scope read, every connector, until it is revoked/);
    expect(plain.stderr).not.toContain(plain.stdout.trim());
  });

  it("P14: are for admin keys that are bound to no connector, and a refusal shows no key", async () => {
    const { admin, there, process } = await keysOfService();
    const bound = issued.parse(
      jsonOf(await there(admin, "create", "--scope", "admin", "--connector", "acme", "--json")),
    );
    const run = issued.parse(jsonOf(await there(admin, "create", "--scope", "run", "--json")));
    for (const [key, code] of [
      [bound.key, "FORBIDDEN"],
      [run.key, "FORBIDDEN"],
      [`${admin}x`, "UNAUTHORIZED"],
      [undefined, "UNAUTHORIZED"],
    ] as const) {
      for (const args of [["list"], ["history"], ["create", "--scope", "admin"], ["revoke", run.id]]) {
        // A process of its own knows no key as a secret but the one that it is given.
        const refused = await (args[0] === "list" ? process : there)(key, ...args);
        expect(refused.stderr).toContain(`error ${code}`);
        if (key !== undefined) expect(refused.stderr).not.toContain(key);
        expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: "" });
      }
    }
    expect(jsonOf(await there(admin, "list", "--json"))).toMatchObject([
      { scope: "admin" },
      { revoked_at_utc: null },
      { revoked_at_utc: null },
    ]);
  });

  it.each(["key_0000000000000000", "nonsense", "../audit"])("one that is not there: %s", async (id) => {
    const { admin, there } = await keysOfService();
    const { code, stderr } = await there(admin, "revoke", id);
    expect(stderr).toContain("KEY_NOT_FOUND");
    expect(code).toBe(1);
  });
});

it("a key whose making was never answered is asked for once, and is to be looked for", async () => {
  let asked = 0;
  const server = createServer((request) => {
    asked += 1;
    request.resume().once("end", () => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = z.object({ port: z.int() }).parse(server.address());
  const url = `http://127.0.0.1:${address.port}`;
  const { code, stderr } = await tidemark(["keys", "create", "--scope", "read", "--state", url], {
    cwd: temporaryFolder(),
    env: { TIDEMARK_KEY: "tmk_x" },
  });
  expect(stderr).toContain("STATE_UNAVAILABLE");
  expect(stderr).toContain("tidemark keys list");
  expect({ code, asked }).toEqual({ code: 1, asked: 1 });
});
