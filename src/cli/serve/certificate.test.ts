import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/cli/support.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { CertificateRenewal, type CertificateStatus, readCertificate } from "./certificate.ts";

const pem = (name: string): string =>
  fileURLToPath(new URL(`../../../test/support/tls/${name}`, import.meta.url));

function bench(now = "2027-01-01T00:00:00Z") {
  const folder = temporaryFolder();
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const put = (cert: string, key: string): void => {
    copyFileSync(pem(cert), files.certFile);
    copyFileSync(pem(key), files.keyFile);
  };
  put("server.pem", "server.key");
  const used: string[] = [];
  const told: string[] = [];
  const standings: CertificateStatus[] = [];
  const renewal = new CertificateRenewal(files, readCertificate(files), {
    clock: new FakeClock(now),
    logger: {
      info: (_, text) => told.push(text),
      warn() {},
      error: (_, text) => told.push(`error: ${text}`),
    },
    use: ({ cert }) => used.push(cert),
    observe: (standing) => standings.push(standing),
  });
  return { files, put, renewal, used, told, isStale: () => standings.at(-1)?.isStale };
}

const stays = "error: the new certificate cannot be used; the one before is still served";

test("a renewed certificate is taken up with the next look, and reported once", () => {
  const { put, renewal, used, told, isStale } = bench();
  renewal.look(false);
  put("renewed.pem", "renewed.key");
  renewal.look(false);
  renewal.look(false);
  expect(used).toEqual([readFileSync(pem("renewed.pem"), "utf8")]);
  expect([told, isStale()]).toEqual([["the certificate was renewed; new connections are served it"], false]);
});

test.each([
  ["the key of another", (files: { keyFile: string }) => copyFileSync(pem("renewed.key"), files.keyFile)],
  [
    "half a file",
    (files: { certFile: string }) => writeFileSync(files.certFile, "-----BEGIN CERTIFICATE-----\nMI"),
  ],
  ["no file", (files: { certFile: string }) => rmSync(files.certFile)],
])("one that cannot be used, %s, is reported once and leaves the one before", (_what, spoil) => {
  const { files, renewal, used, told, isStale } = bench();
  spoil(files);
  renewal.look(false);
  expect(told, "files are replaced one after the other").toEqual([]);
  renewal.look(false);
  renewal.look(false);
  expect([used, told, isStale()]).toEqual([[], [stays], true]);
});

test("an error is reported at once, and its end, if a check was asked for", () => {
  const { files, put, renewal, told, isStale } = bench();
  writeFileSync(files.keyFile, "no key");
  renewal.look(true);
  expect([told, isStale()]).toEqual([[stays], true]);
  put("renewed.pem", "renewed.key");
  renewal.look(true);
  expect([told.length, isStale()]).toEqual([2, false]);
});

test("one that has expired, and sooner than the one before, is not taken up", () => {
  const { put, renewal, used, told } = bench("2200-01-01T00:00:00Z");
  put("renewed.pem", "renewed.key");
  renewal.look(true);
  put("server.pem", "server.key");
  renewal.look(true);
  expect([used.length, told.at(-1)]).toEqual([1, stays]);
});
