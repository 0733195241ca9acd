import { expect, test } from "vitest";
import { told } from "../../test/support/pipeline-files.ts";

function pipelineWith(output: string, input = "sqlite:./source.db"): string {
  return `name: a
input: { type: database, connectionString: "${input}", query: "SELECT id FROM t" }
output: { type: database, connectionString: "${output}", table: t, key: id }
`;
}

test.each([
  [
    "sqlite::memory:",
    "3:45 VALUE_INVALID `output.connectionString` cannot be used: a database in memory is lost",
  ],
  ["sqlite:./folder/", "3:45 VALUE_INVALID `output.connectionString` cannot be used: it names a folder"],
  ["sqlite:./a.db?x=1", "3:45 VALUE_INVALID `output.connectionString` cannot be used: it has parameters"],
  [
    "postgres://app@db/shop?sslmode=bogus",
    "3:45 VALUE_INVALID `output.connectionString`: the database URL cannot be used: `sslmode=bogus`",
  ],
  ["postgres://app@db/shop?sslrootcert=./no.pem", "the file of `sslrootcert` cannot be read"],
  [
    "mysql://app@db/shop?ssl-mode=bogus",
    "3:45 VALUE_INVALID `output.connectionString`: the database URL cannot be used: `bogus` is no TLS",
  ],
  ["mysql://app@db/shop?tsl=true", "it has a parameter `tsl` that is not known"],
])("validate says why %s cannot be an output", async (url, message) => {
  const found = await told(pipelineWith(url));
  expect(found.filter((each) => !each.includes("Warning"))).toContainEqual(expect.stringContaining(message));
});

test("validate says why an input's URL cannot be used", async () => {
  expect(await told(pipelineWith("sqlite:./a.db", "postgres://app@db/shop?sslmode=on"))).toContainEqual(
    expect.stringContaining(
      "2:44 VALUE_INVALID `input.connectionString`: the database URL cannot be used: `sslmode=on` is no TLS mode",
    ),
  );
});
