import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { checkPipelines } from "../src/pipeline/load.ts";
import { written } from "./support/pipeline-files.ts";

const docs = fileURLToPath(new URL("../docs", import.meta.url));

type Keys = Readonly<Record<string, unknown>>;

const input: Keys = { type: "httpPolling", endpoint: "https://source.example", key: "id" };
const output: Keys = { type: "database", connectionString: "sqlite:./x.db", table: "t", key: "id" };
const request: Keys = { type: "httpRequest", endpoint: "https://target.example" };

/** What the examples name and a reader has: variables, secrets and code. */
const atTheReaders = new Set(["ENV_MISSING", "SCRIPT_INVALID"]);

const examples = ["pipeline.md", ...namesIn("pipeline")].flatMap((page) =>
  [...readFileSync(join(docs, page), "utf8").matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
    ([, text = ""], index): [string, string] => [`${page}, example ${index + 1}`, text],
  ),
);

test("the documentation of pipeline files has examples", () => {
  expect(examples.length).toBeGreaterThan(30);
});

test("every page that shows a part of a file says where streams go", () => {
  const pages = ["pipeline.md", "refused-records.md", ...namesIn("pipeline")].filter((page) => {
    const text = readFileSync(join(docs, page), "utf8");
    const shows = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].some(([, yaml = ""]) =>
      /^(?:name|input|output):/m.test(yaml),
    );
    return shows && !page.endsWith("streams.md") && !text.includes("streams.md");
  });
  expect(pages).toEqual([]);
});

test.each(examples)("validate has no objection: %s", async (_, text) => {
  const file = await written({ "p.yaml": stringify(completed(parse(text))) });
  const env = { SOURCE_DATABASE_URL: "postgres://reader@localhost/source", LOG_URL: "https://log.example" };
  const found = await checkPipelines([file], { env });
  const objections = found.filter(({ severity, code }) => severity === "error" && !atTheReaders.has(code));
  expect(objections).toEqual([]);
});

/** A complete pipeline from an example that shows only a part of one. */
function completed(example: unknown): Keys {
  if (Array.isArray(example)) return { name: "x", input, filters: example, output };
  if (!isKeys(example)) return {};
  const { statePersistence, pagination, answer, authentication, ...rest } = example;
  const ofRequest = present({ answer, authentication });
  return {
    name: "x",
    output: Object.keys(ofRequest).length > 0 ? { ...request, ...ofRequest } : output,
    ...rest,
    input: inputWith({
      ...present({ statePersistence, pagination }),
      ...(isKeys(rest.input) ? rest.input : {}),
    }),
  };
}

/** An input that shows a few keys is of the usual type. */
function inputWith(keys: Keys): Keys {
  return (keys.type ?? input.type) === input.type ? { ...input, ...keys } : keys;
}

function present(keys: Keys): Keys {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}

function isKeys(value: unknown): value is Keys {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function namesIn(folder: string): string[] {
  return readdirSync(join(docs, folder)).map((name) => join(folder, name));
}
