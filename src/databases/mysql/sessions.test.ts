import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createDatabaseAt, startMysql } from "../../../test/support/mysql.ts";
import { describeMysql, ownMysqlDatabase } from "../../../test/support/mysql-tests.ts";
import { tlsFile } from "../../../test/support/tls-proxy.ts";
import { openSql } from "../open.ts";

describeMysql("a session of MariaDB", () => {
  test("a limit for statements does not count the time between two pages", async () => {
    const url = await ownMysqlDatabase();
    const admin = await openSql(url, { role: "output" });
    onTestFinished(() => admin.close());
    await admin.execute("CREATE OR REPLACE USER hasty IDENTIFIED BY 'hasty-word' WITH MAX_STATEMENT_TIME 3");
    onTestFinished(async () => {
      await admin.execute("DROP USER hasty");
    });
    await admin.execute(`GRANT ALL ON ${new URL(url).pathname.slice(1)}.* TO hasty`);
    const hasty = new URL(url);
    hasty.username = "hasty";
    hasty.password = "hasty-word";
    const connection = await openSql(hasty.href, { role: "input" });
    onTestFinished(() => connection.close());
    let rows = 0;
    // More than the sockets hold, so that the server is still sending while the reader waits.
    const sql = "SELECT seq, REPEAT('x', 10000) AS wide FROM seq_1_to_3000";
    for await (const page of connection.stream(sql, [], { pageSize: 1000 })) {
      rows += page.rows.length;
      await admin.query("SELECT SLEEP(1.2)");
    }
    expect(rows).toBe(3000);
  });

  test("P7: settings of the server change and leave out no value that is read or written", async () => {
    const server = await startMysql([
      "--skip-character-set-client-handshake",
      "--character-set-server=latin1",
    ]);
    onTestFinished(() => server.stop());
    const { url } = await createDatabaseAt(server.url);
    const admin = await openSql(url, { role: "output" });
    onTestFinished(() => admin.close());
    await admin.execute("SET GLOBAL sql_select_limit = 2");
    const connection = await openSql(url, { role: "input" });
    onTestFinished(() => connection.close());
    await connection.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET utf8mb4)");
    await connection.execute("INSERT INTO t VALUES (1, ?1), (2, 'é'), (3, '漢')", ["😀"]);
    const sql = "SELECT id, v, CHAR_LENGTH(v) AS length FROM t ORDER BY id";
    const rows = [
      { id: 1, v: "😀", length: 1 },
      { id: 2, v: "é", length: 1 },
      { id: 3, v: "漢", length: 1 },
    ];
    expect(await connection.query(sql)).toEqual(rows);
    for await (const page of connection.stream(sql, [], { pageSize: 10 })) expect(page.rows).toEqual(rows);
  });

  test("TLS modes mean what they mean to libpq, and a failed check is named", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-mysql-tls-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    for (const name of ["server.pem", "server.key"] as const) {
      copyFileSync(tlsFile(name), join(folder, name));
      chmodSync(join(folder, name), 0o644);
    }
    const server = await startMysql([
      `--ssl-cert=${join(folder, "server.pem")}`,
      `--ssl-key=${join(folder, "server.key")}`,
    ]);
    onTestFinished(() => server.stop());
    const { url } = await createDatabaseAt(server.url);
    const [ca, otherCa] = [tlsFile("ca.pem"), tlsFile("other-ca.pem")];
    const open = async (parameters: string, host = "127.0.0.1") => {
      const address = new URL(url);
      address.hostname = host;
      address.search = parameters;
      const connection = await openSql(address.href, { role: "input" });
      const [row] = await connection.query("SHOW STATUS LIKE 'Ssl_cipher'");
      await connection.close();
      return row?.Value !== "";
    };
    expect(await open("")).toBe(false);
    expect(await open("ssl-mode=DISABLED")).toBe(false);
    for (const parameters of [
      "sslmode=prefer",
      "ssl-mode=REQUIRED",
      "sslmode=require",
      `sslmode=verify-ca&sslrootcert=${ca}`,
    ]) {
      expect(await open(parameters), parameters).toBe(true);
    }
    expect(await open(`ssl-mode=VERIFY_IDENTITY&ssl-ca=${ca}`, "localhost")).toBe(true);
    for (const [parameters, why] of [
      [`sslmode=verify-ca&sslrootcert=${otherCa}`, /chain of the server's certificate/],
      [`sslmode=require&sslrootcert=${otherCa}`, /chain of the server's certificate/],
      ["sslmode=verify-ca", /chain of the server's certificate/],
    ] as const) {
      await expect(open(parameters), parameters).rejects.toMatchObject({
        code: "SOURCE_UNAVAILABLE",
        recoverable: false,
        message: expect.stringMatching(why),
      });
    }
    const plain = await ownMysqlDatabase();
    const required = new URL(plain);
    required.search = "sslmode=require";
    await expect(openSql(required.href, { role: "input" })).rejects.toMatchObject({
      message: expect.stringContaining("does not offer TLS"),
      recoverable: false,
    });
    required.search = "sslmode=prefer";
    const fallen = await openSql(required.href, { role: "input" });
    await fallen.close();
  });
});
