import { expect, onTestFinished, test, vi } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { postgresAddress } from "../src/databases/postgres/address.ts";
import { openState } from "../src/state/storage/open.ts";
import { createTestDatabase } from "./support/postgres.ts";
import { startPostgresTls, tlsFile } from "./support/tls-proxy.ts";

async function secured(options?: { refusesPlain: boolean }) {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const plain = new URL(database.url);
  const proxy = await startPostgresTls({ host: plain.hostname, port: Number(plain.port) }, options);
  onTestFinished(() => proxy.close());
  const urlWith = (parameters: string, host = "127.0.0.1") => {
    const url = new URL(database.url);
    url.hostname = host;
    url.port = String(proxy.port);
    url.search = parameters;
    return url.href;
  };
  return { proxy, urlWith, plainUrl: database.url };
}

async function connects(url: string): Promise<boolean> {
  const connection = await openSql(url, { role: "input" });
  await connection.close();
  return true;
}

const ca = `sslrootcert=${tlsFile("ca.pem")}`;
const otherCa = `sslrootcert=${tlsFile("other-ca.pem")}`;

test("sslmode means what it means to libpq, and the driver says nothing on stderr", async () => {
  const warned = vi.spyOn(process, "emitWarning");
  onTestFinished(() => warned.mockRestore());
  const { proxy, urlWith } = await secured();
  for (const [parameters, encrypted] of [
    ["", [false]],
    ["sslmode=disable", [false]],
    ["sslmode=allow", [false]],
    ["sslmode=prefer", [true]],
    ["sslmode=require", [true]],
    [`sslmode=verify-ca&${ca}`, [true]],
    ["ssl=false", [false]],
    ["sslmode=no-verify", [true]],
    ["sslmode=require&uselibpqcompat=true", [true]],
  ] as const) {
    const before = proxy.encrypted.length;
    await expect(connects(urlWith(parameters)), parameters).resolves.toBe(true);
    expect(proxy.encrypted.slice(before), parameters).toEqual(encrypted);
  }
  for (const parameters of [`sslmode=verify-full&${ca}`, ca, `ssl=true&${ca}`]) {
    await expect(connects(urlWith(parameters, "localhost")), parameters).resolves.toBe(true);
  }
  expect(warned).not.toHaveBeenCalled();
});

test("the check that failed is named, with what to do, and is not tried again", async () => {
  const { urlWith, plainUrl } = await secured();
  const plain = new URL(plainUrl);
  plain.search = "sslmode=require";
  for (const [url, what, hint] of [
    [urlWith(`sslmode=verify-full&${ca}`), /name in the server's certificate.*127\.0\.0\.1/s, /verify-ca/],
    [urlWith(`sslmode=verify-ca&${otherCa}`), /chain of the server's certificate/, /sslrootcert/],
    [urlWith(`sslmode=verify-full&${otherCa}`, "localhost"), /chain/, /sslrootcert/],
    [urlWith(`sslmode=require&${otherCa}`), /chain/, /sslrootcert/],
    [urlWith("sslmode=verify-full", "localhost"), /chain/, /sslrootcert/],
    [plain.href, /does not offer TLS/, /sslmode=disable/],
  ] as const) {
    await expect(connects(url), url).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: false,
      message: expect.stringMatching(what),
      hint: expect.stringMatching(hint),
    });
  }
});

test("allow and prefer connect in the other way where the first is refused", async () => {
  const { proxy, urlWith, plainUrl } = await secured({ refusesPlain: true });
  await connects(urlWith("sslmode=allow"));
  expect(proxy.encrypted).toEqual([false, true]);
  const plain = new URL(plainUrl);
  plain.search = "sslmode=prefer";
  await expect(connects(plain.href)).resolves.toBe(true);
  await expect(connects(urlWith(""))).rejects.toMatchObject({
    code: "SOURCE_UNAVAILABLE",
    hint: expect.stringContaining("sslmode=require"),
  });
});

test("the state asks for TLS in the same words", async () => {
  const { proxy, urlWith } = await secured({ refusesPlain: true });
  for (const parameters of ["sslmode=require", `sslmode=verify-ca&${ca}`, "sslmode=allow"]) {
    const state = await openState(urlWith(parameters));
    await state.close();
  }
  expect(proxy.encrypted).toContain(true);
  await expect(openState(urlWith(`sslmode=verify-full&${ca}`))).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
    recoverable: false,
    message: expect.stringContaining("name in the server's certificate"),
  });
  await expect(openState(urlWith("sslmode=bogus"))).rejects.toMatchObject({
    code: "STATE_URL_INVALID",
    message: expect.stringContaining("sslmode=bogus"),
  });
});

test.each([
  ["sslmode=bogus", "sslmode=bogus"],
  ["sslmode=REQUIRE_TLS", "REQUIRE_TLS"],
  ["sslrootcert=/no/such/file", "/no/such/file"],
  ["sslcrl=/some/file", "sslcrl"],
  [`sslcert=${tlsFile("server.pem")}`, "sslkey"],
  ["sslmode=require&sslrootcert=system", "verify-full"],
])("%s is refused, so that nothing goes in the open by mistake", async (parameters, why) => {
  await expect(openSql(`postgres://me@localhost/db?${parameters}`, { role: "input" })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    message: expect.stringContaining(why),
  });
});

test("the environment's PGSSLMODE counts where the URL names no mode", () => {
  const modeOf = (url: string, environment: Record<string, string>) =>
    postgresAddress(url, environment).tls.map((tls) => (tls === false ? false : tls.rejectUnauthorized));
  expect(modeOf("postgres://h/db", {})).toEqual([false]);
  expect(modeOf("postgres://h/db", { PGSSLMODE: "require" })).toEqual([false]);
  expect(postgresAddress("postgres://h/db", { PGSSLMODE: "require" }).tls[0]).not.toBe(false);
  expect(modeOf("postgres://h/db", { PGSSLMODE: "require", PGSSLROOTCERT: tlsFile("ca.pem") })).toEqual([
    true,
  ]);
  expect(modeOf("postgres://h/db?sslmode=disable", { PGSSLMODE: "verify-full" })).toEqual([false]);
  expect(postgresAddress("postgres://h/db?sslmode=disable", { PGSSLMODE: "verify-full" }).tls).toEqual([
    false,
  ]);
  expect(postgresAddress("postgres:///db?host=/run/postgresql&sslmode=require", {}).tls).toEqual([false]);
});
