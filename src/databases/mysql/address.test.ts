import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { mysqlAddress, placeOf } from "./address.ts";

test("a URL is taken apart, whatever is percent-encoded in it", () => {
  expect(mysqlAddress("mysql://tide%20mark:p%40ss%2Fword@db.example.com:3307/sales%20eu")).toEqual({
    host: "db.example.com",
    port: 3307,
    user: "tide mark",
    password: "p@ss/word",
    database: "sales eu",
    tls: [undefined],
  });
  expect(mysqlAddress("mariadb://[::1]")).toMatchObject({ host: "::1", port: 3306, user: "", password: "" });
  expect(placeOf(mysqlAddress("mysql://me:secret@[::1]/db"))).toBe("mysql [::1]:3306/db");
  expect(placeOf(mysqlAddress("mysql://me@localhost/db?socket=/run/x.sock"))).toBe("mysql /run/x.sock/db");
});

const encrypted = { rejectUnauthorized: false, verifyIdentity: false };
const trusted = { rejectUnauthorized: true, verifyIdentity: false };
const identified = { rejectUnauthorized: true, verifyIdentity: true };

test.each([
  ["", [undefined]],
  ["?ssl-mode=DISABLED", [undefined]],
  ["?ssl-mode=PREFERRED", [encrypted, undefined]],
  ["?sslmode=prefer", [encrypted, undefined]],
  ["?sslmode=allow", [undefined, encrypted]],
  ["?ssl-mode=REQUIRED", [encrypted]],
  ["?sslmode=require", [encrypted]],
  ["?ssl-mode=VERIFY_CA", [trusted]],
  ["?ssl-mode=VERIFY_IDENTITY", [identified]],
  ["?sslmode=verify-full", [identified]],
  ["?tls=true", [identified]],
  ["?ssl=false", [undefined]],
  ['?ssl={"rejectUnauthorized":true}', [trusted]],
  ['?ssl={"rejectUnauthorized":false}', [encrypted]],
  ["?socket=/run/x.sock&sslmode=require", [undefined]],
])("with %s the certificate is asked for accordingly", (parameters, tls) => {
  expect(mysqlAddress(`mysql://host/db${parameters}`).tls).toEqual(tls);
});

test("a certificate to trust is read from its file, and is checked unless the mode says less", () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "ca.pem");
  writeFileSync(file, "a certificate");
  const withCa = (parameters: string) => mysqlAddress(`mysql://host/db?ssl-ca=${file}${parameters}`).tls;
  expect(withCa("")).toEqual([{ ca: "a certificate", ...identified }]);
  expect(withCa("&sslmode=verify-ca")).toEqual([{ ca: "a certificate", ...trusted }]);
  expect(withCa("&sslmode=require")).toEqual([{ ca: "a certificate", ...trusted }]);
  expect(withCa("&ssl-mode=REQUIRED")).toEqual([{ ca: "a certificate", ...encrypted }]);
});

test("an identity that could not be verified is refused", () => {
  expect(() => mysqlAddress("mysql://10.0.0.1/db?ssl-mode=VERIFY_IDENTITY")).toThrow(
    /10\.0\.0\.1.*VERIFY_CA/,
  );
  expect(() => mysqlAddress("mysql://[::1]/db?ssl-mode=VERIFY_IDENTITY")).toThrow(/::1/);
  expect(mysqlAddress("mysql://10.0.0.1/db?ssl-mode=VERIFY_CA").tls).toEqual([trusted]);
});

test.each([
  ["?ssl-mode=BOGUS", "BOGUS"],
  ["?sslmod=require", "sslmod"],
  ["?ssl={", "JSON"],
  ["?ssl-ca=/no/such/file", "/no/such/file"],
])("%s is refused, so that nothing goes in the open by mistake", (parameters, why) => {
  expect(() => mysqlAddress(`mysql://me:hunter2222@host/db${parameters}`)).toThrow(
    expect.objectContaining({ code: "ARGUMENT_INVALID", message: expect.stringContaining(why) }),
  );
});

test("P14: a value of `ssl` that cannot be read is not shown, since it may hold a key", () => {
  const url = 'mysql://app@db/shop?ssl={"rejectUnauthorized":false,"key":"-----BEGIN PRIVATE KEY-----';
  expect(() => mysqlAddress(url)).toThrow(
    expect.objectContaining({
      code: "ARGUMENT_INVALID",
      message: expect.not.stringContaining("PRIVATE KEY"),
    }),
  );
});
