import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { execute, tidemark } from "./cli/support.ts";
import { testFolder } from "./support/command.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "./support/http-server.ts";

const token = "Tok/en+SECRET=42";
const pages = 5;

/** How a source writes the credential that it was sent into the place of the next page. */
type Repeats = (credential: string) => string;

interface Source {
  /** From which page on it fails. */
  failsFrom: number;
  /** The credential that places were given for; null where it takes them with any. */
  placesFor: string | null;
}

/** A source of one record a page that leads on by links, or by tokens, which repeat the credential of whoever asks. */
async function startSource(repeats: Repeats): Promise<HttpTestServer & { source: Source }> {
  const source: Source = { failsFrom: Number.POSITIVE_INFINITY, placesFor: null };
  const server = await startHttpServer(({ url, headers }, response) => {
    const credential = headers.authorization?.slice("Bearer ".length) ?? "";
    const [page = "1", session = repeats(credential)] = (url.searchParams.get("at") ?? "1").split(".", 2);
    const number = Number(page);
    if (source.placesFor !== null && number > 1 && session !== repeats(source.placesFor)) {
      response.writeHead(401).end("this session is another's");
      return;
    }
    if (number >= source.failsFrom) {
      response.writeHead(500).end(`cannot answer ${credential}`);
      return;
    }
    const at = `${number + 1}.${repeats(credential)}`;
    const next = number < pages ? { link: `${server.origin}/?${new URLSearchParams({ at })}`, at } : {};
    sendJson(response, { data: [{ id: number, updated_at: `2026-01-01T00:0${number}:00Z` }], ...next });
  });
  return Object.assign(server, { source });
}

const links = "{ type: link, nextCursorField: link }";
const tokens = "{ type: cursor, param: at, nextCursorField: at }";

function bench(origin: string, pagination: string) {
  const folder = testFolder();
  writeFileSync(
    join(folder, "x.yaml"),
    `name: x
input:
  type: httpPolling
  endpoint: ${origin}/
  authentication: { type: bearer, token: "\${TOKEN}" }
  dataField: data
  key: id
  retry: { attempts: 1 }
  pagination: ${pagination}
  statePersistence: { timestamp: { field: updated_at, queryParam: since } }
output: { type: file, path: ./out.jsonl }
`,
  );
  return {
    folder,
    async run(state: string, credential = token) {
      const { stdout, stderr } = await tidemark(["run", "x.yaml", "--state", state, "--json"], {
        cwd: folder,
        env: { TOKEN: credential },
      });
      return { result: JSON.parse(stdout), told: stdout + stderr };
    },
    /** The ids that the output holds, in order. */
    ids: (): number[] =>
      readFileSync(join(folder, "out.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).id),
  };
}

const traces = [token, encodeURIComponent(token), Buffer.from(token).toString("base64"), "SECRET"];

/** The files of a folder, but for the pipelines, that hold a trace of a secret: the token's unless told otherwise. */
function filesWithTraces(folder: string, of: readonly string[] = traces): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => {
    const path = join(folder, file);
    if (file.endsWith(".yaml") || !statSync(path).isFile()) return false;
    const text = readFileSync(path, "latin1");
    return of.some((trace) => text.includes(trace));
  });
}

const pagesAsked = ({ seen }: HttpTestServer): string[] =>
  seen.map(({ url }) => (url.searchParams.get("at") ?? "1").split(".")[0] ?? "");

const plain: Repeats = (credential) => credential;
const encoded: Repeats = (credential) => Buffer.from(credential).toString("base64");
const wrapped: Repeats = (credential) =>
  Buffer.from(JSON.stringify({ a: 1, credential })).toString("base64url");

test.each([
  ["links, plain", links, plain, "sqlite:./s.db"],
  ["links, base64", links, encoded, "file:./state"],
  ["tokens, plain", tokens, plain, "file:./state"],
  ["tokens, base64", tokens, encoded, "sqlite:./s.db"],
])(
  "P14 P8: of a credential that a source repeats in the place of the next page nothing is stored, and the next run goes on there: %s",
  async (_name, pagination, repeats, state) => {
    await using server = await startSource(repeats);
    const { folder, run, ids } = bench(server.origin, pagination);
    server.source.failsFrom = 3;
    const failed = await run(state);
    expect(failed.result).toMatchObject({ status: "failed", warnings: [] });
    expect(failed.told).not.toContain("SECRET");
    expect(filesWithTraces(folder)).toEqual([]);
    for (const words of [["show", "x", "default", "--json"], ["export"]]) {
      const { stdout } = await execute(["state", ...words, "--state", state], { cwd: folder });
      expect(stdout).toContain("2026-01-01T00:02:00Z");
      for (const trace of traces) expect(stdout).not.toContain(trace);
    }
    server.source.failsFrom = Number.POSITIVE_INFINITY;
    const before = server.seen.length;
    expect((await run(state)).result).toMatchObject({ status: "completed", warnings: [] });
    expect(pagesAsked(server).slice(before)).toEqual(["3", "4", "5"]);
    expect(ids()).toEqual([1, 2, 3, 4, 5]);
    expect(filesWithTraces(folder)).toEqual([]);
  },
);

test("P14: a place that holds a secret in a form of the source's own is not kept: the next run reads the window again and repeats nothing", async () => {
  await using server = await startSource(wrapped);
  const { folder, run, ids } = bench(server.origin, tokens);
  server.source.failsFrom = 3;
  const { result } = await run("sqlite:./s.db");
  expect(result.warnings.map(({ code }: { code: string }) => code)).toEqual(["RESUME_WITHHELD"]);
  server.source.failsFrom = Number.POSITIVE_INFINITY;
  const before = server.seen.length;
  expect((await run("sqlite:./s.db")).result).toMatchObject({ status: "completed", warnings: [] });
  expect(pagesAsked(server).slice(before)).toEqual(["1", "2", "3", "4", "5"]);
  expect(ids()).toEqual([1, 2, 3, 4, 5]);
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, file);
    if (statSync(path).isFile()) expect(readFileSync(path, "latin1")).not.toContain(wrapped(token));
  }
});

test.each([
  ["goes on", null, ["3", "4", "5"]],
  ["begins the window again where the source refuses it", "the-credential-before", ["3", "1", "2"]],
])(
  "P14: a place whose credential was replaced is asked for with the new one, and the next run %s",
  async (_name, placesFor, asked) => {
    await using server = await startSource(plain);
    const { run, ids } = bench(server.origin, links);
    server.source.failsFrom = 3;
    await run("sqlite:./s.db", "the-credential-before");
    Object.assign(server.source, { failsFrom: Number.POSITIVE_INFINITY, placesFor });
    const before = server.seen.length;
    const { result } = await run("sqlite:./s.db", "another-credential");
    expect(pagesAsked(server).slice(before, before + 3)).toEqual(asked);
    // What the source gives anew is for the new credential.
    if (placesFor === null) expect([result.status, ids()]).toEqual(["completed", [1, 2, 3, 4, 5]]);
  },
);

/** Filters with a secret in each place that they have: `v` is where the environment variable stands. */
const filterKinds = {
  condition: (v) => `{ type: condition, expression: 'vv = "${v}"' }`,
  "conditions-field": (v) => `{ type: condition, expression: '\`${v}\` = 1' }`,
  removed: (v) => `{ type: remove, target: "${v}" }, { type: condition, expression: "false" }`,
  mapping: (v) =>
    `{ type: mapping, mappings: [{ source: "${v}", target: id }] }, { type: condition, expression: "false" }`,
  script: (v) => `{ type: script, path: "./${v}.ts" }`,
  refusal: (v) => `{ type: condition, expression: 'id > "${v}"', onError: deadLetter }`,
} satisfies Readonly<Record<string, (v: string) => string>>;

test.each(["file:./state", "sqlite:./s.db"])(
  "P14: a secret inside a filter is neither stored nor printed, whatever the filter and its place: %s",
  async (state) => {
    await using server = await startHttpServer((_, response) =>
      sendJson(response, [{ id: 1, updated_at: "2026-01-01T00:00:00Z" }]),
    );
    const folder = testFolder();
    // Secrets that have nothing in common: what is known of one masks no other.
    const secrets = Object.keys(filterKinds).map(
      (name) => `t${createHash("sha256").update(name).digest("hex").slice(0, 25)}`,
    );
    const parts = secrets.map((secret) => secret.slice(8));
    const env: Record<string, string> = {};
    for (const [index, [name, filters]] of Object.entries(filterKinds).entries()) {
      const secret = secrets[index] ?? "";
      env[`TOKEN_${index}`] = secret;
      const letters = name === "refusal" ? ", deadLetter: { path: ./dead.jsonl }" : "";
      writeFileSync(
        join(folder, `${name}.yaml`),
        `name: ${name}
input:
  type: httpPolling
  endpoint: ${server.origin}/
  key: id
  statePersistence: { timestamp: { field: updated_at, queryParam: since } }
filters: [${filters(`\${TOKEN_${index}}`)}]
output: { type: file, path: ./${name}.jsonl${letters} }
`,
      );
      writeFileSync(join(folder, `${secret}.ts`), "export default () => null;\n");
    }
    const names = Object.keys(filterKinds);
    const files = names.map((name) => `${name}.yaml`);
    const run = await tidemark(["run", ...files, "--state", state, "--json"], { cwd: folder, env });
    expect(JSON.parse(run.stdout)).toMatchObject(names.map((pipeline) => ({ pipeline, records_read: 1 })));
    const shown = [run];
    for (const name of names) {
      const history = ["state", "history", name, "default", "--json", "--state", state];
      shown.push(await execute(history, { cwd: folder }));
      expect(shown.at(-1)?.stdout).toContain("records_read");
    }
    for (const { stdout, stderr } of shown) {
      for (const part of parts) expect(stdout + stderr).not.toContain(part);
    }
    for (const secret of secrets) rmSync(join(folder, `${secret}.ts`));
    expect(filesWithTraces(folder, parts)).toEqual([]);
  },
);
