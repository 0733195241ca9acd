import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { execute, jsonOf, root, temporaryFolder, tidemark } from "../cli/support.ts";
import { ask, done, problemIn, serveProcess } from "./support.ts";

/** A file that is there and no certificate. */
const manifest = join(root, "package.json");

describe("the first start", () => {
  it("makes an admin key, puts it where only this user can read it, and tells it nowhere", async () => {
    const cwd = temporaryFolder();
    const served = await serveProcess([], cwd);
    expect(served.admin_key_file).toBe(".tidemark/admin.key");
    const file = join(cwd, ".tidemark/admin.key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const key = readFileSync(file, "utf8").trim();
    expect(done(await ask(served.url, "GET", "/v1/key", { key }))).toMatchObject({ scope: "admin" });
    served.child.kill("SIGTERM");
    const { stdout, stderr, code } = await served.ended;
    expect(stdout + stderr).not.toContain(key.slice(-43));
    expect(code).toBe(0);
    const again = await serveProcess([], cwd);
    expect(again.admin_key_file).toBeNull();
    done(await ask(again.url, "GET", "/v1/streams", { key }));
  });

  it.each([
    [["--host", "0.0.0.0"], "there is no API key"],
    [["--host", "::"], "there is no API key"],
    [["--host", "0.0.0.0", "--no-auth"], "--no-auth"],
    [["--tls-cert", "cert.pem"], "go together"],
    [["--tls-cert", root, "--tls-key", root], "cannot be read"],
    [["--tls-cert", manifest, "--tls-key", manifest], "the certificate or its key cannot be used"],
    [["--port", "99999"], "--port is 99999"],
    [["--host", "203.0.113.1"], "there is no API key"],
    [["--state", "https://state.example.com"], "https"],
  ])("with %j is refused with code 2 and what to do", async (args, reason) => {
    const { code, stdout, stderr } = await execute(["serve", ...args], { cwd: temporaryFolder() });
    expect(stderr).toContain(reason);
    expect(stderr).toMatch(/^→ /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("on every address goes well once there is a key", async () => {
    const cwd = temporaryFolder();
    const { key } = JSON.parse(
      (await execute(["keys", "create", "--scope", "read", "--json"], { cwd })).stdout,
    );
    const served = await serveProcess(["--host", "0.0.0.0"], cwd);
    done(await ask(`http://127.0.0.1:${served.port}`, "GET", "/v1/streams", { key }));
  });

  it("does not write over a file that holds something else", async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, ".tidemark"));
    writeFileSync(join(cwd, ".tidemark/admin.key"), "a love letter");
    const { code, stderr } = await tidemark(["serve", "--port", "0"], { cwd });
    expect(stderr).toContain("holds something else");
    expect(code).toBe(2);
    expect(readFileSync(join(cwd, ".tidemark/admin.key"), "utf8")).toBe("a love letter");
  });
});

describe("--no-auth", () => {
  const body = '{"cursor_type":"timestamp_utc"}';
  const ends: (() => Promise<void>)[] = [];
  let url = "";

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-service-"));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    ({ url } = await serveProcess(["--no-auth"], folder, { atEnd: (end) => ends.unshift(end) }));
  });

  afterAll(async () => {
    for (const end of ends) await end();
  });

  it.each([
    ["a name of its own (DNS rebinding)", { host: "evil.example.com" }, 403],
    ["a page of elsewhere", { origin: "https://evil.example.com" }, 403],
    ["a page without an origin, such as a sandboxed frame", { origin: "null" }, 403],
    ["another port of this machine", { origin: "http://127.0.0.1:1" }, 403],
    ["a page of elsewhere whose origin a browser leaves out", { "sec-fetch-site": "cross-site" }, 403],
    ["a form, which a page may send anywhere", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["plain text, which a page may send anywhere", { "content-type": "text/plain" }, 415],
    ["its own page", { origin: "OWN", "sec-fetch-site": "same-origin" }, 200],
    ["a program", {}, 200],
  ])("answers a request by %s", async (_who, headers, status) => {
    const own = Object.entries({ "content-type": "application/json", ...headers }).flatMap(
      ([name, value]) => ["-H", `${name}: ${value.replace("OWN", url)}`],
    );
    const wanted = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", body, ...own];
    const answered = execFileSync("curl", [...wanted, `${url}/v1/streams/a/b/begin`]);
    expect(Number(answered.toString())).toBe(status);
  });
});

describe("SIGTERM", () => {
  it("ends at once where nothing is at hand, whatever connections are open", async () => {
    const served = await serveProcess(["--drain-seconds", "3600"], temporaryFolder());
    const idle = connect(served.port, "127.0.0.1");
    await new Promise((resolve) => idle.once("connect", resolve));
    done(await ask(served.url, "GET", "/healthz", {}));
    served.child.kill("SIGTERM");
    expect((await served.ended).code).toBe(0);
    idle.destroy();
  });

  it("lets a request that is at hand be answered, and takes no other", async () => {
    const cwd = temporaryFolder();
    const served = await serveProcess([], cwd);
    const key = readFileSync(join(cwd, ".tidemark/admin.key"), "utf8").trim();
    const body = '{"run_id":"r1"}';
    const head = `POST /v1/streams/a/b/begin HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const socket = connect(served.port, "127.0.0.1");
    let answer = "";
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
    });
    socket.write(head + body.slice(0, 5));
    // Its head is surely there once a later request on another connection has been answered.
    done(await ask(served.url, "GET", "/v1/streams", { key }));
    served.child.kill("SIGTERM");
    await served.stderrHolds("asked to stop");
    await expect(ask(served.url, "GET", "/healthz", {})).rejects.toThrow();
    socket.write(body.slice(5));
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain('"run_id":"r1"');
    expect((await served.ended).code).toBe(0);
  });

  it("does not wait for ever", async () => {
    const served = await serveProcess(["--drain-seconds", "1"], temporaryFolder());
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("POST /v1/streams/a/b/begin HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    done(await ask(served.url, "GET", "/healthz", {}));
    served.child.kill("SIGTERM");
    expect((await served.ended).code).toBe(0);
    socket.destroy();
  });
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

it.runIf(hasOpenssl)("serves HTTPS with a certificate and its key", async () => {
  const cwd = temporaryFolder();
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost"];
  execFileSync("openssl", [...made, ...files], { cwd, stdio: "ignore" });
  const { url, port } = await serveProcess(["--tls-cert", "cert.pem", "--tls-key", "key.pem"], cwd);
  expect(url).toMatch(/^https:/);
  const ca = readFileSync(join(cwd, "cert.pem"));
  const status = await new Promise((resolve, reject) => {
    request({ host: "localhost", port, path: "/readyz", ca }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
});

it("a port that is taken is reported with exit code 1, since it may become free", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  const { code, stderr } = await tidemark(["serve", "--port", port], { cwd: temporaryFolder() });
  expect(stderr).toContain("cannot be listened on");
  expect(stderr).toContain("--port");
  expect(code).toBe(1);
});

describe("the command's keys", () => {
  it("are made, listed, revoked and reported; --json prints id, key and scope", async () => {
    const cwd = temporaryFolder();
    const json = async (...args: string[]) => jsonOf(await execute(["keys", ...args, "--json"], { cwd }));
    expect(await json("list")).toEqual([]);
    const args = ["--scope", "run", "--connector", "sap_*", "--connector", "acme", "--expires", "90d"];
    const made = await json("create", ...args, "--name", "nightly");
    expect(made).toEqual({
      id: expect.stringMatching(/^key_[0-9a-f]{16}$/),
      key: expect.stringMatching(/^tmk_[0-9a-f]{16}_[\w-]{43}$/),
      scope: "run",
    });
    const { id } = JSON.parse(JSON.stringify(made));
    expect(await json("list")).toMatchObject([
      {
        id,
        scope: "run",
        connectors: ["sap_*", "acme"],
        name: "nightly",
        created_by: "tester",
        revoked_at_utc: null,
      },
    ]);
    expect(await json("revoke", id)).toMatchObject({ id, revoked_by: "tester" });
    expect(await json("history")).toMatchObject([
      { number: 1, action: "create", key_id: id, actor: "tester" },
      { number: 2, action: "revoke", key_id: id, actor: "tester" },
    ]);
    const plain = await tidemark(["keys", "create", "--scope", "read"], { cwd });
    expect(plain.stdout).toMatch(/^tmk_\S+\n$/);
    expect(plain.stderr).not.toContain(plain.stdout.trim());
    const list = await tidemark(["keys", "list"], { cwd });
    expect(list.stdout).toMatch(/^ID +SCOPE +CONNECTORS +STATUS/);
    expect(list.stdout).toMatch(new RegExp(`${id} +run +sap_\\*, acme +revoked`));
  });

  it.each([
    [["create"], "--scope"],
    [["create", "--scope", "root"], "admin"],
    [["create", "--scope", "read", "--expires", "soon"], "--expires"],
    [["create", "--scope", "read", "--expires", "2020-01-01"], "is over"],
    [["create", "--scope", "read", "--connector", ""], "--connector"],
    [["create", "--scope", "read", "--state", "memory:"], "memory"],
    [["revoke"], "id"],
  ])("keys %j is refused with code 2", async (args, reason) => {
    const { code, stdout, stderr } = await execute(["keys", ...args], { cwd: temporaryFolder() });
    expect(stderr).toContain(reason);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("a key that is not there cannot be revoked", async () => {
    const { code, stderr } = await execute(["keys", "revoke", "key_0000000000000000"], {
      cwd: temporaryFolder(),
    });
    expect(stderr).toContain("KEY_NOT_FOUND");
    expect(code).toBe(1);
  });
});

it("P12: audit --verify finds a key that was widened behind the log's back", async () => {
  const cwd = temporaryFolder();
  await tidemark(["keys", "create", "--scope", "read"], { cwd });
  const verify = () => execute(["audit", "--verify", "--json"], { cwd });
  expect(jsonOf(await verify())).toEqual({ verified: true, streams: 0, rows: 0, key_rows: 1 });
  const db = new DatabaseSync(join(cwd, ".tidemark/state.db"));
  db.exec("UPDATE tidemark_keys SET scope = 'admin'");
  db.close();
  const found = await verify();
  expect(jsonOf(found)).toMatchObject({ error: { code: "AUDIT_BROKEN" } });
  expect(found.code).toBe(1);
});

it("an unknown address of a bare service is a problem with a hint", async () => {
  const { url } = await serveProcess([], temporaryFolder());
  expect(problemIn(await ask(url, "GET", "/", {})).hint).toContain("/docs");
});
