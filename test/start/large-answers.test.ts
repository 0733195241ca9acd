import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { events, sourceServer } from "../cli/source-server.ts";
import { temporaryFolder } from "../cli/support.ts";
import { scheduledYaml, startSchedules, toFile } from "./support.ts";

/** In megabytes; the answers below would take more as values. */
const heap = { NODE_OPTIONS: "--max-old-space-size=128" };

const list = (element: string, count: number): string => `[${`${element},`.repeat(count - 1)}${element}]`;

it.each([
  ["more values than `maxBodyValues`", list("{}", 100_000), "maxBodyValues: 100000", /`maxBodyValues`/],
  ["objects that fill the heap", list("{}", 4_000_000), "", /more than half of this process's heap/],
  [
    "lists that fill the heap",
    list('{"a":[[],[[]]]}', 1_000_000),
    "",
    /more than half of this process's heap/,
  ],
  ["more bytes than `maxBodyBytes`", " ".repeat(8_000_000), "maxBodyBytes: 1000000", /`maxBodyBytes`/],
])(
  "a small answer of %s fails its own pipeline, and the others go on",
  async (_, body, setting, reason) => {
    const cwd = temporaryFolder();
    const good = await sourceServer(events(3));
    const compressed = gzipSync(body);
    expect(compressed.length).toBeLessThan(400_000);
    const evil = await sourceServer([]);
    evil.intercept = (_request, response) => {
      response
        .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        .end(compressed);
      return true;
    };
    writeFileSync(join(cwd, "good.yaml"), scheduledYaml("good", good.endpoint, toFile("good")));
    writeFileSync(
      join(cwd, "evil.yaml"),
      scheduledYaml("evil", evil.endpoint, toFile("evil")).replace("input:\n", `input:\n  ${setting}\n`),
    );
    const running = startSchedules(cwd, [".", "--port", "0"], heap);
    const failed = await running.line({ stream: "evil", code: "SOURCE_INVALID" });
    expect(failed.error).toMatch(reason);
    const before = running.lines.length;
    while (
      !running.lines.slice(before).some(({ stream, msg }) => stream === "good" && msg === "run completed")
    ) {
      await new Promise((resolve) => running.child.stderr?.once("data", resolve));
    }
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  },
  120_000,
);
