import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { serveProcess } from "./support.ts";

const pem = (name: string): string => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));

/** Whom the certificate names that a server shows to a new connection. */
function certificateOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.on("error", reject);
  });
}

describe("SIGHUP", () => {
  it("has a renewed certificate served at once, and ends nothing", async () => {
    const cwd = temporaryFolder();
    copyFileSync(pem("server.pem"), join(cwd, "cert.pem"));
    copyFileSync(pem("server.key"), join(cwd, "key.pem"));
    const served = await serveProcess(["--tls-cert", "cert.pem", "--tls-key", "key.pem"], cwd);
    expect(await certificateOf(served.port)).toBe("localhost");
    copyFileSync(pem("renewed.key"), join(cwd, "key.pem"));
    served.child.kill("SIGHUP");
    await served.stderrHolds("the new certificate cannot be used");
    expect(await certificateOf(served.port)).toBe("localhost");
    copyFileSync(pem("renewed.pem"), join(cwd, "cert.pem"));
    served.child.kill("SIGHUP");
    await served.stderrHolds("the certificate was renewed");
    expect(await certificateOf(served.port)).toBe("renewed");
    served.child.kill("SIGTERM");
    expect((await served.ended).code).toBe(0);
  });
});

describe("SIGUSR1", () => {
  it("opens no inspector", async () => {
    const served = await serveProcess([], temporaryFolder());
    served.child.kill("SIGUSR1");
    served.child.kill("SIGHUP");
    // Answered after the other signal, so that this one was answered before.
    await served.stderrHolds("asked to read files again");
    served.child.kill("SIGTERM");
    const { code, stderr } = await served.ended;
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/debugger|inspector/i);
  });
});
