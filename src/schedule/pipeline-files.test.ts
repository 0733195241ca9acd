import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PipelineFiles } from "./pipeline-files.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tidemark-files-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function pipelineText(name: string, endpoint = "http://127.0.0.1/a"): string {
  return `name: ${name}\ninput: { type: httpPolling, endpoint: "${endpoint}", schedule: "@hourly" }\noutput: { type: console }\n`;
}

/** The changes that a look finds, as `kind file code…`, with file names only. */
async function looked(files: PipelineFiles, base: string): Promise<string[]> {
  const changes = await files.refresh();
  return changes.map(({ kind, file, diagnostics }) =>
    [
      kind,
      file.slice(base.length + 1),
      ...diagnostics
        .filter(({ severity }) => severity === "error")
        .map(({ line, column, code }) => `${line}:${column} ${code}`),
    ].join(" "),
  );
}

const names = (files: PipelineFiles): string[] => files.pipelines.map(({ name }) => name);

test("files that come, change and go are reported once, and those that stay are the same objects", async () => {
  const base = folder();
  writeFileSync(join(base, "a.yaml"), pipelineText("a"));
  writeFileSync(join(base, "b.yml"), pipelineText("b"));
  writeFileSync(join(base, "notes.txt"), "no pipeline");
  const files = new PipelineFiles([base], {});
  expect(await looked(files, base)).toEqual(["added a.yaml", "added b.yml"]);
  const [first] = files.pipelines;

  expect(await looked(files, base)).toEqual([]);
  writeFileSync(join(base, "b.yml"), pipelineText("b", "http://127.0.0.1/b"));
  writeFileSync(join(base, "c.yaml"), pipelineText("c"));
  expect(await looked(files, base)).toEqual(["changed b.yml", "added c.yaml"]);
  expect(names(files)).toEqual(["a", "b", "c"]);
  expect(files.pipelines[0]).toBe(first);

  rmSync(join(base, "a.yaml"));
  expect(await looked(files, base)).toEqual(["removed a.yaml"]);
  expect(names(files)).toEqual(["b", "c"]);
});

test("a file that comes to have errors leaves what it held in place, and is reported once", async () => {
  const base = folder();
  writeFileSync(join(base, "a.yaml"), pipelineText("a"));
  writeFileSync(join(base, "b.yaml"), pipelineText("b"));
  const files = new PipelineFiles([base], {});
  await files.refresh();
  const before = files.pipelines;

  writeFileSync(join(base, "a.yaml"), pipelineText("a").replace("@hourly", "@sometimes"));
  expect(await looked(files, base)).toEqual(["broken a.yaml 2:72 VALUE_INVALID"]);
  expect(files.pipelines.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(before);
  expect(await looked(files, base)).toEqual([]);

  writeFileSync(join(base, "a.yaml"), pipelineText("a", "http://127.0.0.1/new"));
  expect(await looked(files, base)).toEqual(["changed a.yaml"]);
  expect(files.pipelines).toHaveLength(2);
});

test("of two files that claim one stream the newcomer is refused, whatever its name", async () => {
  const base = folder();
  writeFileSync(join(base, "m.yaml"), pipelineText("events"));
  const files = new PipelineFiles([base], {});
  await files.refresh();
  const [running] = files.pipelines;

  writeFileSync(join(base, "a.yaml"), pipelineText("events", "http://127.0.0.1/other"));
  const [refused, ...others] = await files.refresh();
  expect(refused).toMatchObject({
    file: join(base, "a.yaml"),
    kind: "broken",
    diagnostics: [{ code: "CONFIG_INCOHERENT", message: expect.stringContaining(join(base, "m.yaml")) }],
  });
  expect(others).toEqual([]);
  expect(files.pipelines).toEqual([running]);

  rmSync(join(base, "m.yaml"));
  expect(await looked(files, base)).toEqual(["removed m.yaml", "changed a.yaml"]);
  expect(files.pipelines[0]?.file).toBe(join(base, "a.yaml"));
});

test("a stream that a broken file still runs is not taken by another file", async () => {
  const base = folder();
  writeFileSync(join(base, "a.yaml"), pipelineText("events"));
  const files = new PipelineFiles([base], {});
  await files.refresh();
  writeFileSync(join(base, "a.yaml"), "name: events\n");
  writeFileSync(join(base, "b.yaml"), pipelineText("events"));
  expect(await looked(files, base)).toEqual([
    "broken a.yaml 1:1 KEY_MISSING 1:1 KEY_MISSING",
    "broken b.yaml 1:1 CONFIG_INCOHERENT",
  ]);
  expect(files.pipelines.map(({ file }) => file)).toEqual([join(base, "a.yaml")]);
});

test("a change of the same length is seen, however often the file was found unchanged before", async () => {
  const base = folder();
  const file = join(base, "a.yaml");
  writeFileSync(file, pipelineText("a", "http://127.0.0.1/0"));
  const files = new PipelineFiles([base], {});
  await files.refresh();
  for (let change = 1; change <= 3; change++) {
    for (let look = 0; look < change + 2; look++) expect(await files.refresh()).toEqual([]);
    writeFileSync(file, pipelineText("a", `http://127.0.0.1/${change}`));
    expect(await looked(files, base)).toEqual(["changed a.yaml"]);
  }
});

test("a file that moves keeps its stream", async () => {
  const base = folder();
  writeFileSync(join(base, "a.yaml"), pipelineText("events"));
  const files = new PipelineFiles([base], {});
  await files.refresh();
  renameSync(join(base, "a.yaml"), join(base, "b.yaml"));
  expect(await looked(files, base)).toEqual(["removed a.yaml", "added b.yaml"]);
});

test("a script that appears repairs the file that names it, and nothing else is reported", async () => {
  const base = folder();
  writeFileSync(join(base, "a.yaml"), pipelineText("a"));
  const script = "filters: [{ type: script, path: ./later.ts }]\noutput:";
  writeFileSync(join(base, "b.yaml"), pipelineText("b").replace("output:", script));
  const files = new PipelineFiles([base], {});
  expect(await looked(files, base)).toEqual(["added a.yaml", "broken b.yaml 3:33 SCRIPT_INVALID"]);
  expect(await looked(files, base)).toEqual([]);
  writeFileSync(join(base, "later.ts"), "export default (record) => record;\n");
  expect(await looked(files, base)).toEqual(["changed b.yaml"]);
});

test("a file that has errors does not have the others checked again and again", async () => {
  const base = folder();
  for (let number = 0; number < 40; number++)
    writeFileSync(join(base, `p${number}.yaml`), pipelineText(`p${number}`));
  const checked: string[] = [];
  // Each check of a file reads the environment.
  const env = new Proxy<Record<string, string>>(
    {},
    {
      ownKeys() {
        checked.push("a file");
        return [];
      },
    },
  );
  const files = new PipelineFiles([base], { env });
  await files.refresh();
  writeFileSync(join(base, "p1.yaml"), "name: [");
  await files.refresh();
  checked.length = 0;
  for (let look = 0; look < 5; look++) expect(await files.refresh()).toEqual([]);
  expect(checked.length).toBeLessThanOrEqual(5);
});

test("a folder that is not there yet may come", async () => {
  const base = folder();
  const files = new PipelineFiles([join(base, "later")], {});
  expect(await files.refresh()).toEqual([]);
  mkdirSync(join(base, "later"));
  writeFileSync(join(base, "later/a.yaml"), pipelineText("a"));
  expect(await looked(files, join(base, "later"))).toEqual(["added a.yaml"]);
});

test("a file of a secret that changes has the pipelines that name it loaded again, and no others", async () => {
  const base = folder();
  const token = join(folder(), "token");
  writeFileSync(token, "first\n");
  writeFileSync(join(base, "a.yaml"), pipelineText("a", `http://127.0.0.1/\${file:${token}}`));
  writeFileSync(join(base, "b.yaml"), pipelineText("b"));
  const files = new PipelineFiles([base], {});
  await files.refresh();
  expect(await looked(files, base)).toEqual([]);
  writeFileSync(token, "second\n");
  expect(await looked(files, base)).toEqual(["changed a.yaml"]);
  rmSync(token);
  expect(await looked(files, base)).toEqual(["broken a.yaml 2:57 ENV_MISSING"]);
  expect(names(files).toSorted()).toEqual(["a", "b"]);
  writeFileSync(token, "third\n");
  expect(await looked(files, base)).toEqual(["changed a.yaml"]);
});
