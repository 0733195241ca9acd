import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lettersOf } from "../src/engine/refusals/replay.ts";
import type { HttpRequestKeys } from "./support/http-request.ts";
import { type SeenRequest, startHttpServer } from "./support/http-server.ts";
import { bench, crashingAt, key } from "./support/replay.ts";

interface Answer {
  readonly status?: number;
  readonly body?: string;
}

/** An endpoint that answers as told until it is mended, with a 200 for every batch, and what each request held. */
async function endpoint(keys: Partial<HttpRequestKeys>, answer: (records: readonly Row[]) => Answer) {
  let isMended = false;
  const requests: { ids: number[]; key: unknown }[] = [];
  const server = await startHttpServer(({ body: sent, headers }: SeenRequest, response) => {
    const records: Row[] = [JSON.parse(sent)].flat();
    requests.push({ ids: records.map(({ id }) => id), key: headers["idempotency-key"] });
    const whole = JSON.stringify(records.map(() => ({ ok: true })));
    const { status = 200, body = whole } = isMended ? {} : answer(records);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const world = bench({
    output: (folder) => ({
      type: "httpRequest",
      endpoint: server.origin,
      retry: { attempts: 1 },
      onError: "deadLetter",
      maxRefused: "100%",
      deadLetter: { path: join(folder, "refused.jsonl") },
      ...keys,
    }),
  });
  return {
    ...world,
    mend: () => {
      isMended = true;
    },
    /** The keys of the requests that held these records and no others. */
    keysOf: (...ids: readonly number[]) =>
      requests.filter((request) => request.ids.join() === ids.join()).map((request) => request.key),
  };
}

interface Row {
  readonly id: number;
  readonly v: string | null;
}

const isRefused = ({ v }: Row): boolean => v === null;

test("what was refused alone is sent again with the same Idempotency-Key, also after a crash", async () => {
  const { run, replay, pipeline, entries, mend, keysOf } = await endpoint({}, (records) =>
    records.some(isRefused) ? { status: 422 } : {},
  );
  expect(await run()).toMatchObject({ recordsRefused: 2 });
  mend();
  await replay({ letters: crashingAt(lettersOf(pipeline), 0) });
  expect(await replay()).toMatchObject({ letters: [{ outcome: "replayed" }, { outcome: "replayed" }] });
  expect(entries().map(({ status }) => status)).toEqual(["replayed", "replayed"]);
  expect(keysOf(3)).toHaveLength(3);
  expect(new Set(keysOf(3)).size).toBe(1);
  expect(keysOf(6)).toHaveLength(2);
});

test("a batch that is refused ends with the record alone, and a replay has the key of that request", async () => {
  const { run, replay, mend, keysOf } = await endpoint({ batch: { size: 6 } }, (records) =>
    records.some(isRefused) ? { status: 422 } : {},
  );
  expect(await run()).toMatchObject({ recordsWritten: 4, recordsRefused: 2 });
  mend();
  await replay();
  for (const id of [3, 6]) {
    expect(keysOf(id)).toHaveLength(2);
    expect(new Set(keysOf(id)).size).toBe(1);
  }
});

test("a record that its own result refuses is sent again with another key than the batch that was taken", async () => {
  const answer = { results: { success: "ok" } };
  const { run, replay, mend, keysOf } = await endpoint({ batch: { size: 6 }, answer }, (records) => ({
    body: JSON.stringify(records.map((record) => ({ ok: !isRefused(record) }))),
  }));
  expect(await run()).toMatchObject({ recordsWritten: 4, recordsRefused: 2 });
  mend();
  expect(await replay()).toMatchObject({ letters: [{ outcome: "replayed" }, { outcome: "replayed" }] });
  const keys = [...keysOf(1, 2, 3, 4, 5, 6), ...keysOf(3), ...keysOf(6)];
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(3);
});

test("records of a batch of which no answer could be read are sent again alone, with keys of their own", async () => {
  const answer = { results: { success: "ok" } };
  const { run, replay, mend, keysOf, entries } = await endpoint({ batch: { size: 3 }, answer }, () => ({
    body: "[{",
  }));
  expect(await run()).toMatchObject({ recordsWritten: 0, recordsRefused: 6 });
  expect(entries().map(({ code }) => code)).toEqual(Array(6).fill("ANSWER_UNREADABLE"));
  mend();
  await replay();
  const keys = [keysOf(1, 2, 3), keysOf(1), keysOf(2), keysOf(3)].flat();
  expect(new Set(keys).size).toBe(4);
});

test("P12: a replay moves no watermark and so has no row in the audit log; the history and the marks say who made it", async () => {
  const { run, replay, mend, entries, state } = await endpoint({}, (records) =>
    records.some(isRefused) ? { status: 422 } : {},
  );
  await run();
  const before = await state.audit({ key });
  mend();
  const { runId } = await replay();
  expect(await state.audit({ key })).toEqual(before);
  const { items } = await state.runs(key);
  expect(items.find((one) => one.runId === runId)).toMatchObject({
    actor: "ann",
    metadata: { replayed_dead_letters: { replayed: 2, refused: 0, kept: 0 } },
  });
  expect(entries().map(({ marked }) => marked)).toMatchObject([
    { mark: "replayed", actor: "ann", run: runId },
    { mark: "replayed", actor: "ann", run: runId },
  ]);
});
