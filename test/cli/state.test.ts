import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openState } from "../../src/state/storage/open.ts";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

const key = { connector: "acme", stream: "events" };

/** A folder whose default state holds one stream with two runs behind it. */
async function folderWithState(): Promise<{ cwd: string; runs: [string, string] }> {
  const cwd = temporaryFolder();
  await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
  const first = await state.begin(key, { cursorType: "timestamp_utc" });
  await state.complete(first, { newCursor: "2026-01-01T00:00:00Z", recordsProcessed: 1234 });
  const second = await state.begin(key, { cursorType: "timestamp_utc", actor: "cron" });
  await state.complete(second, {
    newCursor: "2026-02-01T00:00:00Z",
    recordsProcessed: 5,
    metadata: { note: "größe" },
  });
  return { cwd, runs: [first.runId, second.runId] };
}

async function watermarkOf(cwd: string, { connector, stream } = key): Promise<string | null | undefined> {
  await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
  return (await state.get({ connector, stream }))?.position.watermark;
}

describe("tidemark state list", () => {
  it("lists every stream with where it stands", async () => {
    const { cwd } = await folderWithState();
    const { code, stdout } = await tidemark(["state", "list"], { cwd });
    const [titles, row, ...rest] = stdout.trimEnd().split("\n");
    expect(titles).toMatch(/^CONNECTOR +STREAM +STATUS +WATERMARK +RECORDS +LAST RUN +EPOCH$/);
    expect(row).toMatch(/^acme +events +completed +2026-02-01T00:00:00Z +5 +2\d{3}-\S+Z +2$/);
    expect(rest).toEqual([]);
    expect(code).toBe(0);
  });

  it("gives the same as JSON, of one connector if asked", async () => {
    const { cwd } = await folderWithState();
    await execute(["state", "set", "other", "x", "7", "--type", "numeric_id", "--reason", "r"], { cwd });
    const all = await execute(["state", "list", "--json"], { cwd });
    expect(jsonOf(all)).toMatchObject([
      { connector: "acme", stream: "events", cursor_type: "timestamp_utc", status: "completed", epoch: 2 },
      { connector: "other", stream: "x", cursor_value: "7", status: "idle" },
    ]);
    const one = await execute(["state", "list", "--json", "--connector", "other"], { cwd });
    expect(jsonOf(one)).toMatchObject([{ connector: "other" }]);
  });

  it("lists more streams than a page of the store holds", async () => {
    const cwd = temporaryFolder();
    {
      await using state = await openState(`sqlite:${join(cwd, "many.db")}`);
      for (let n = 0; n < 1203; n++) {
        const stream = String(n).padStart(5, "0");
        await state.reset(
          { connector: "c", stream },
          { to: null, cursorType: "text", reason: "r", actor: "a" },
        );
      }
    }
    const listed = jsonOf(await execute(["state", "list", "--json", "--state", "sqlite:many.db"], { cwd }));
    expect(listed).toHaveLength(1203);
    const table = await execute(["state", "list", "--state", "sqlite:many.db"], { cwd });
    expect(table.stdout.trimEnd().split("\n")).toHaveLength(1204);
  });

  it("says that there is no state yet, and makes none", async () => {
    const cwd = temporaryFolder();
    const listed = await execute(["state", "list"], { cwd });
    expect(listed.stderr).toContain("no state yet at ./.tidemark/state.db");
    expect(listed.stdout).toBe("");
    expect(listed.code).toBe(0);
    expect(jsonOf(await execute(["state", "list", "--json"], { cwd }))).toEqual([]);
    expect(existsSync(join(cwd, ".tidemark"))).toBe(false);
  });

  it("takes the state's place from TIDEMARK_STATE, and --state above it", async () => {
    const { cwd } = await folderWithState();
    const env = { TIDEMARK_STATE: "sqlite:./none.db" };
    expect(jsonOf(await execute(["state", "list", "--json"], { cwd, env }))).toEqual([]);
    const args = ["--state", "sqlite:./.tidemark/state.db", "state", "list", "--json"];
    expect(jsonOf(await execute(args, { cwd, env }))).toHaveLength(1);
  });
});

describe("tidemark state show", () => {
  it("shows all fields of a stream", async () => {
    const { cwd, runs } = await folderWithState();
    const { stdout, code } = await tidemark(["state", "show", "acme", "events"], { cwd });
    expect(stdout).toMatch(/^watermark +2026-02-01T00:00:00Z$/m);
    expect(stdout).toMatch(/^cursor type +timestamp_utc$/m);
    expect(stdout).toMatch(/^tie set +0$/m);
    expect(stdout).toMatch(/^unfinished window +none$/m);
    expect(stdout).toMatch(new RegExp(`^run +${runs[1]}$`, "m"));
    expect(stdout).toContain("größe");
    expect(code).toBe(0);
  });

  it("reports the lease, the unfinished window and the tie set of a running run", async () => {
    const { cwd } = await folderWithState();
    await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
    const run = await state.begin(key, { cursorType: "timestamp_utc", leaseSeconds: 600 });
    const watermark = "2026-02-01T00:00:00Z";
    await state.checkpoint(run, {
      sequence: 1,
      recordsProcessed: 3,
      position: {
        ...run.position,
        watermark,
        tieSet: [{ identity: "a", cursor: watermark, count: 1 }],
        window: {
          lower: watermark,
          upper: null,
          order: "unordered",
          highest: "2026-03-01T00:00:00Z",
          resume: { kind: "page", token: "4" },
        },
      },
    });
    const { stdout } = await execute(["state", "show", "acme", "events"], { cwd });
    expect(stdout).toMatch(/^status +running$/m);
    expect(stdout).toMatch(/^lease +600 s, until 2/m);
    expect(stdout).toMatch(/^tie set +1$/m);
    expect(stdout).toMatch(/^unfinished window +.*unordered, highest so far 2026-03-01.*page 4$/m);
    const json = jsonOf(await execute(["state", "show", "acme", "events", "--json"], { cwd }));
    expect(json).toMatchObject({
      cursor_value: watermark,
      lease: { seconds: 600 },
      position: { tie_set: 1, window: { resume: { kind: "page", token: "4" } } },
    });
  });

  it("fails with code 1 and STREAM_NOT_FOUND for a stream that is not there", async () => {
    const { cwd } = await folderWithState();
    const { code, stderr } = await execute(["state", "show", "acme", "nothing"], { cwd });
    expect(stderr).toMatch(/^error STREAM_NOT_FOUND {2}no state is stored for acme\/nothing$/m);
    expect(stderr).toMatch(/^→ /m);
    expect(code).toBe(1);
  });

  it("shows the control characters of a stored error, and obeys none", async () => {
    const { cwd } = await folderWithState();
    {
      await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
      const run = await state.begin(key, { cursorType: "timestamp_utc" });
      await state.fail(run, { error: "bad \u001b[2Janswer\u0007 of postgres://u:hunter22@db/x" });
    }
    const { stdout } = await execute(["state", "show", "acme", "events"], { cwd });
    expect(stdout).toMatch(/^last error +bad \\u001b\[2Janswer\\u0007 of/m);
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(stdout).not.toContain("hunter22");
  });
});

describe("tidemark state history", () => {
  it("lists runs newest first, with what each did and who began it", async () => {
    const { cwd, runs } = await folderWithState();
    const { stdout } = await tidemark(["state", "history", "acme", "events"], { cwd });
    const [, newest, oldest] = stdout.split("\n");
    expect(newest).toContain(runs[1]);
    expect(newest).toMatch(/completed +5 +2026-01-01T00:00:00Z +2026-02-01T00:00:00Z +cron$/);
    expect(oldest).toContain(runs[0]);
    const one = jsonOf(
      await tidemark(["state", "history", "acme", "events", "--json", "--limit", "1"], { cwd }),
    );
    expect(one).toMatchObject([{ run_id: runs[1], outcome: "completed", metadata: { note: "größe" } }]);
  });
});

describe("tidemark state set, reset and rewind", () => {
  it("P12: sets a watermark with a reason, and the audit log keeps who and why", async () => {
    const { cwd } = await folderWithState();
    const args = ["state", "set", "acme", "events", "2025-06-01T02:00:00+02:00", "--reason", "reload June"];
    const { code, stdout } = await tidemark(args, { cwd });
    expect(stdout).toContain("acme/events  2026-02-01T00:00:00Z → 2025-06-01T00:00:00Z  (epoch 3)");
    expect(code).toBe(0);
    expect(await watermarkOf(cwd)).toBe("2025-06-01T00:00:00Z");
    const audit = jsonOf(await tidemark(["audit", "acme", "events", "--json"], { cwd }));
    expect(audit).toHaveLength(3);
    expect(audit).toHaveProperty("[2]", {
      partition: null,
      connector: "acme",
      stream: "events",
      number: 3,
      at_utc: expect.any(String),
      actor: "tester",
      action: "reset",
      old_cursor: "2026-02-01T00:00:00Z",
      new_cursor: "2025-06-01T00:00:00Z",
      reason: "reload June",
      run_id: null,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("takes a negative number as a value", async () => {
    const cwd = temporaryFolder();
    const args = ["state", "set", "a", "b", "-5", "--type", "numeric_id", "--reason", "r"];
    expect((await execute(args, { cwd })).code).toBe(0);
    expect(await watermarkOf(cwd, { connector: "a", stream: "b" })).toBe("-5");
  });

  it("refuses a value that is none of the stream's type with code 2, and moves nothing", async () => {
    const { cwd } = await folderWithState();
    const args = ["state", "set", "acme", "events", "yesterday", "--reason", "r"];
    const { code, stderr } = await execute(args, { cwd });
    expect(stderr).toContain("yesterday");
    expect(stderr).toContain("2026-01-31T00:00:00Z");
    expect(code).toBe(2);
    expect(await watermarkOf(cwd)).toBe("2026-02-01T00:00:00Z");
  });

  it("asks for the type of a new stream, and makes no state before it is given", async () => {
    const cwd = temporaryFolder();
    const { code, stderr } = await execute(["state", "set", "a", "b", "5", "--reason", "r"], { cwd });
    expect(stderr).toContain("--type");
    expect(code).toBe(2);
    expect(existsSync(join(cwd, ".tidemark"))).toBe(false);
  });

  it("resets only with --yes where nobody can be asked", async () => {
    const { cwd } = await folderWithState();
    const args = ["state", "reset", "acme", "events", "--reason", "rebuilt"];
    const refused = await tidemark(args, { cwd });
    expect(refused.stderr).toContain("--yes");
    expect(refused.code).toBe(2);
    expect(await watermarkOf(cwd)).toBe("2026-02-01T00:00:00Z");
    const done = await tidemark([...args, "--yes", "--json"], { cwd });
    expect(jsonOf(done)).toMatchObject({
      cursor_value: null,
      previous_cursor_value: "2026-02-01T00:00:00Z",
      superseded_run_id: null,
      epoch: 3,
    });
    expect(await watermarkOf(cwd)).toBe(null);
  });

  it("does not make a stream of a mistyped name", async () => {
    const { cwd } = await folderWithState();
    for (const args of [
      ["reset", "--yes"],
      ["rewind", "--to-run", "x"],
    ]) {
      const [act = "", ...more] = args;
      const done = await execute(["state", act, "acme", "evnets", "--reason", "r", ...more], { cwd });
      expect(done.stderr).toContain("STREAM_NOT_FOUND");
      expect(done.code).toBe(1);
    }
    expect(await watermarkOf(cwd, { connector: "acme", stream: "evnets" })).toBe(undefined);
  });

  it("reports the running run that an act has ended", async () => {
    const { cwd } = await folderWithState();
    await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
    const run = await state.begin(key, { cursorType: "timestamp_utc" });
    const args = ["state", "reset", "acme", "events", "--reason", "r", "--yes"];
    const { stdout } = await execute(args, { cwd });
    expect(stdout).toContain(`run ${run.runId} is superseded`);
    await expect(state.heartbeat(run)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  });

  it("rewinds to where the stream stood after an earlier run", async () => {
    const { cwd, runs } = await folderWithState();
    const args = ["state", "rewind", "acme", "events", "--reason", "bad deploy", "--to-run"];
    const missing = await tidemark([...args, "no-such-run"], { cwd });
    expect(missing.stderr).toContain("RUN_NOT_FOUND");
    expect(missing.code).toBe(1);
    const { code } = await tidemark([...args, runs[0]], { cwd });
    expect(code).toBe(0);
    expect(await watermarkOf(cwd)).toBe("2026-01-01T00:00:00Z");
  });
});

describe("tidemark state export and import", () => {
  it("carries every stream into another store, with all digits", async () => {
    const { cwd } = await folderWithState();
    const big = "9".repeat(40);
    await execute(["state", "set", "acme", "ids", big, "--type", "numeric_id", "--reason", "r"], { cwd });
    const exported = await execute(["state", "export", "-o", "backup.json"], { cwd });
    expect(exported.stderr).toContain("2 streams written to backup.json");
    expect(exported.stdout).toBe("");
    const other = ["--state", "sqlite:./other.db"];
    const imported = await execute(["state", "import", "backup.json", "--reason", "move", ...other], {
      cwd,
    });
    expect(imported.stdout).toBe("2 streams imported from backup.json\n");
    const again = await execute(["state", "export", ...other], { cwd });
    expect(again.stdout).toBe(readFileSync(join(cwd, "backup.json"), "utf8"));
    expect(again.stdout).toContain(big);
    expect(jsonOf(again)).toMatchObject({
      tidemark_state: 1,
      streams: [
        { connector: "acme", stream: "events", position: { watermark: "2026-02-01T00:00:00Z" } },
        { connector: "acme", stream: "ids" },
      ],
    });
    const audit = jsonOf(await execute(["audit", "--json", ...other], { cwd }));
    expect(audit).toMatchObject([
      { action: "import", reason: "move" },
      { action: "import", reason: "move" },
    ]);
  });

  it("exports one stream, and imports from stdin", async () => {
    const { cwd } = await folderWithState();
    const one = await tidemark(["state", "export", "acme", "events"], { cwd });
    const args = ["state", "import", "-", "--reason", "move", "--state", "sqlite:./other.db", "--json"];
    expect(jsonOf(await tidemark(args, { cwd, input: one.stdout }))).toEqual({ imported: 1 });
    const none = await tidemark(["state", "export", "acme", "nothing"], { cwd });
    expect(none.stdout).toBe("");
    expect(none.code).toBe(1);
  });

  it("exports an empty list where there is no state", async () => {
    const exported = await execute(["state", "export"], { cwd: temporaryFolder() });
    expect(jsonOf(exported)).toEqual({ tidemark_state: 1, streams: [] });
    expect(exported.code).toBe(0);
  });

  it("imports nothing where one entry is wrong, and names each that is", async () => {
    const { cwd } = await folderWithState();
    const { stdout } = await execute(["state", "export"], { cwd });
    const good = JSON.parse(stdout).streams[0];
    const streams = [
      { ...good, stream: "fine" },
      { ...good, stream: "wrong type", cursor_type: "number" },
      { ...good, stream: "wrong watermark", position: { ...good.position, watermark: "yesterday" } },
      { ...good, stream: "newer", position: { ...good.position, format: 99 } },
      { ...good, stream: "fine" },
      { ...good, stream: "more", extra: 1 },
    ];
    writeFileSync(join(cwd, "bad.json"), JSON.stringify({ tidemark_state: 1, streams }));
    const args = ["state", "import", "bad.json", "--reason", "r", "--state", "sqlite:./other.db"];
    const refused = await execute(args, { cwd });
    for (const index of [1, 2, 3, 4, 5]) expect(refused.stderr).toContain(`streams[${index}]`);
    expect(refused.stderr).not.toContain("streams[0]");
    expect(refused.stderr).toContain("Nothing was imported");
    expect(refused.code).toBe(2);
    expect(existsSync(join(cwd, "other.db"))).toBe(false);
  });

  it.each([
    ["no file at all", null],
    ["no JSON", "streams: []"],
    ["another JSON", '{"streams":{}}'],
    ["a newer version", '{"tidemark_state":2,"streams":[]}'],
    ["a text in another encoding", Buffer.from('{"caf\xe9":1}', "latin1")],
  ])("refuses to import %s", async (_, text) => {
    const cwd = temporaryFolder();
    if (text !== null) writeFileSync(join(cwd, "in.json"), text);
    const { code, stderr, stdout } = await execute(["state", "import", "in.json", "--reason", "r"], { cwd });
    expect(stderr).toContain("in.json");
    expect(stdout).toBe("");
    expect(code).not.toBe(0);
    expect(existsSync(join(cwd, ".tidemark"))).toBe(false);
  });

  it("leaves the old file where an export cannot be written", async () => {
    const { cwd } = await folderWithState();
    const { code, stderr } = await execute(["state", "export", "-o", "no/such/folder.json"], { cwd });
    expect(stderr).toContain("no/such/folder.json");
    expect(code).toBe(2);
  });
});

describe("state that cannot be read", () => {
  it("P10: is an error with a code and what to do, and is left as it is", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "state.db"), "this is not a database");
    for (const command of [
      ["state", "list"],
      ["state", "set", "a", "b", "1", "--type", "text", "--reason", "r"],
    ]) {
      const { code, stderr, stdout } = await execute([...command, "--state", "sqlite:state.db"], { cwd });
      expect(stderr).toContain("error STATE_UNREADABLE");
      expect(stderr).toMatch(/^→ /m);
      expect(stdout).toBe("");
      expect(code).toBe(1);
    }
    expect(readFileSync(join(cwd, "state.db"), "utf8")).toBe("this is not a database");
  });
});
