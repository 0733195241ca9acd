import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import type { OutputContext } from "../engine/ports.ts";
import { ExactNumber } from "../model/exact-number.ts";
import { createConsoleOutput } from "./console.ts";

const context: OutputContext = {
  key: { connector: "acme", stream: "events" },
  clock: systemClock,
  signal: new AbortController().signal,
  warn: () => {},
  scope: "",
  leaseSeconds: 60,
};

test("prints one JSON object a line, with every digit and bytes as base64", async () => {
  const stream = new PassThrough();
  const session = await createConsoleOutput(stream).open(context);
  expect(await session.fencedEpoch()).toBe(0);
  await session.write({ records: [{ id: new ExactNumber("9007199254740993") }, { b: Buffer.from("hi") }] });
  await session.write({ records: [] });
  await session.close();
  expect(stream.listenerCount("error")).toBe(0);
  stream.end();
  expect(await text(stream)).toBe('{"id":9007199254740993}\n{"b":"aGk="}\n');
});

test("a closed pipe fails the write, not the process", async () => {
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
  });
  const session = await createConsoleOutput(stream).open(context);
  await expect(session.write({ records: [{ a: 1 }] })).rejects.toMatchObject({ code: "OUTPUT_UNAVAILABLE" });
});
