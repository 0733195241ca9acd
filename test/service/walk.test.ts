import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { execute, temporaryFolder } from "../cli/support.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { serveProcess } from "./support.ts";

/** A shell line, as the guide has it; its stdout as JSON. */
function shell(line: string, env: Record<string, string>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    execFile(
      "sh",
      ["-c", line],
      { env: { PATH: process.env.PATH ?? "", ...env } },
      (error, stdout, stderr) => {
        if (error !== null) reject(new Error(`${line}\n${stderr}`));
        else resolve(JSON.parse(stdout));
      },
    );
  });
}

const begun = z.object({ run_id: z.string(), epoch: z.int(), lower_bound_cursor: z.string().nullable() });
const log = z.object({ items: z.array(z.unknown()) });
const named = ({ run_id, epoch }: z.infer<typeof begun>) => ({ run_id, epoch });

/** The service as a process of its own, with a shell that has `$API`, `$RUN` and `$ADMIN`. */
async function servedShell(url: string) {
  const cwd = temporaryFolder();
  const { url: API } = await serveProcess(["--state", url], cwd);
  const key = await execute(["keys", "create", "--scope", "run", "--json", "--state", url], { cwd });
  const env = {
    API,
    RUN: `Authorization: Bearer ${JSON.parse(key.stdout).key}`,
    ADMIN: `Authorization: Bearer ${readFileSync(join(cwd, ".tidemark/admin.key"), "utf8").trim()}`,
    JSON: "Content-Type: application/json",
  };
  return { cwd, url, curl: (args: string) => shell(`curl -s ${args}`, env) };
}

const backends = [
  ["sqlite", async () => servedShell("sqlite:./.tidemark/state.db")],
  [
    "postgres",
    async () => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      return servedShell(database.url);
    },
  ],
] as const;

it.each(backends)(
  "begins, completes and refuses over curl as the reference has it, on %s",
  async (_, open) => {
    const { curl, cwd, url } = await open();
    const suppliers = "$API/v1/streams/sap_eu/suppliers";
    const post = (path: string, body: object, who = "RUN"): Promise<unknown> =>
      curl(`-X POST -H "$${who}" -H "$JSON" "${path}" -d '${JSON.stringify(body)}'`);
    const begin = async (stream: string, body: object = {}) =>
      begun.parse(await post(`${stream}/begin`, body));

    // Never begun: there is nothing to read.
    expect(await curl(`-H "$RUN" ${suppliers}`)).toMatchObject({ status: 404, code: "STREAM_NOT_FOUND" });

    // First begin: no lower bound. While it runs, the state says so and since when.
    const first = await begin(suppliers, { cursor_type: "timestamp_utc" });
    expect(first.lower_bound_cursor).toBeNull();
    expect(await curl(`-H "$RUN" ${suppliers}`)).toMatchObject({
      status: "running",
      run_id: first.run_id,
      started_at_utc: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      cursor_value: null,
    });

    // Complete, and the next begin gives it back.
    const done = {
      new_cursor_value: "2026-03-01T08:00:00Z",
      records_processed: 2,
      metadata: { lower_used: null },
    };
    expect(await post(`${suppliers}/complete`, { ...named(first), ...done })).toMatchObject({
      status: "completed",
      cursor_type: "timestamp_utc",
      cursor_value: "2026-03-01T08:00:00Z",
      records_processed: 2,
      metadata: { lower_used: null },
    });
    const second = await begin(suppliers);
    expect(second.lower_bound_cursor).toBe("2026-03-01T08:00:00Z");

    // A smaller timestamp is refused and changes nothing.
    expect(
      await post(`${suppliers}/complete`, { ...named(second), new_cursor_value: "2026-03-01T07:59:59.999Z" }),
    ).toMatchObject({ status: 422, code: "CURSOR_REGRESSION" });

    // A failing run leaves the cursor; the next one reads the same window again.
    expect(
      await post(`${suppliers}/fail`, { ...named(second), error_summary: "the source answered 502" }),
    ).toMatchObject({
      status: "failed",
      cursor_value: "2026-03-01T08:00:00Z",
      last_error: "the source answered 502",
    });
    expect((await begin(suppliers)).lower_bound_cursor).toBe("2026-03-01T08:00:00Z");

    // Numbers keep every digit, and a smaller one is refused too.
    const invoices = "$API/v1/streams/sap_eu/invoices";
    const counted = await begin(invoices, { cursor_type: "numeric_id" });
    await curl(
      `-X POST -H "$RUN" -H "$JSON" ${invoices}/complete -d '{"run_id":"${counted.run_id}","epoch":${counted.epoch},"new_cursor_value":9007199254740993}'`,
    );
    const next = await begin(invoices);
    expect(next.lower_bound_cursor).toBe("9007199254740993");
    expect(
      await post(`${invoices}/complete`, { ...named(next), new_cursor_value: "9007199254740992" }),
    ).toMatchObject({ status: 422, code: "CURSOR_REGRESSION" });

    // Of tokens, any other is an advance.
    const messages = "$API/v1/streams/acme/messages";
    for (const token of ["zz9", "aa1", "m"]) {
      const run = await begin(messages, { cursor_type: "opaque_token" });
      expect(await post(`${messages}/complete`, { ...named(run), new_cursor_value: token })).toMatchObject({
        cursor_value: token,
      });
    }

    // A run that another has taken over is refused, whatever it brings.
    const sleeper = await begin(messages);
    const successor = await begin(messages);
    expect(await post(`${messages}/complete`, { ...named(sleeper), new_cursor_value: "late" })).toMatchObject(
      { status: 409, code: "RUN_SUPERSEDED" },
    );
    await post(`${messages}/complete`, { ...named(successor), new_cursor_value: "in time" });

    // A reset needs an admin, and lands in the audit log with its reason and its key.
    const reset = { new_cursor_value: "2026-01-01T00:00:00Z", reason: "the source was restored" };
    expect(await post(`${suppliers}/reset`, reset)).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(await post(`${suppliers}/reset`, reset, "ADMIN")).toMatchObject({
      cursor_value: "2026-01-01T00:00:00Z",
    });
    const { items } = log.parse(await curl(`-H "$RUN" ${suppliers}/audit`));
    const { id } = z.object({ id: z.string() }).parse(await curl('-H "$ADMIN" $API/v1/key'));
    expect(items).toMatchObject([
      { action: "advance", old_cursor: null, new_cursor: "2026-03-01T08:00:00Z", run_id: first.run_id },
      {
        action: "reset",
        old_cursor: "2026-03-01T08:00:00Z",
        new_cursor: "2026-01-01T00:00:00Z",
        reason: "the source was restored",
        actor: id,
      },
    ]);
    const verified = await execute(["audit", "--verify", "--json", "--state", url], { cwd });
    expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true, streams: 3 });
  },
);
