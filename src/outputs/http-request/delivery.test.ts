import { existsSync, rmSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  deadLettersIn,
  freshDeadLetterPath,
  type HttpRequestKeys,
  ids,
  idsIn,
  range,
  startAnswering,
  writeOnce,
} from "../../../test/support/http-request.ts";

test("onError fail: the record that a batch was refused for is found and named; those before it arrive", async () => {
  const taken: number[] = [];
  const server = await startAnswering((request) => {
    const carried = idsIn(request);
    if (carried.includes(6)) return 400;
    taken.push(...carried);
    return 200;
  });
  const { error } = await writeOnce({ endpoint: server.origin, batch: { size: 10 } }, range(10));
  expect(error).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(/^the record with id 6 was refused/),
  });
  expect(taken).toEqual([1, 2, 3, 4, 5]);
  expect(server.seen.length).toBeLessThanOrEqual(8);
});

test.each(["fail", "skip", "deadLetter"] as const)(
  "413 under onError %s: a batch that is too large is sent in halves, and all of it arrives",
  async (onError) => {
    const taken: number[] = [];
    const server = await startAnswering((request) => {
      if (request.body.length > 120) return 413;
      taken.push(...idsIn(request));
      return 200;
    });
    const deadLetter = onError === "deadLetter" ? { deadLetter: { path: freshDeadLetterPath() } } : {};
    const records = range(40).map((record) => ({ ...record, text: "x".repeat(20) }));
    const keys: HttpRequestKeys = { endpoint: server.origin, batch: { size: 20 }, onError, ...deadLetter };
    const result = await writeOnce(keys, records);
    expect(result).toMatchObject({ written: 40, error: null, warnings: [] });
    expect(taken).toEqual(range(40).map(({ id }) => id));
    // What was too large once is not tried again: only the first batch meets 413.
    const refused = server.seen.filter(({ body }) => body.length > 120).map(({ body }) => body.length);
    expect(refused).toEqual(refused.toSorted((a, b) => b - a));
    expect(refused.length).toBeLessThanOrEqual(4);
  },
);

test("413 of one record alone is a refusal of that record", async () => {
  const server = await startAnswering((request) => (request.body.length > 100 ? 413 : 200));
  const records = [{ id: 1 }, { id: 2, text: "x".repeat(200) }, { id: 3 }];
  const skipping: HttpRequestKeys = { endpoint: server.origin, batch: { size: 3 }, onError: "skip" };
  expect(await writeOnce(skipping, records)).toMatchObject({
    written: 2,
    warnings: [expect.stringMatching(/the record with id 2, text .*status 413/)],
  });
  const { error } = await writeOnce({ ...skipping, onError: "fail" }, records);
  expect(error).toMatchObject({
    message: expect.stringMatching(/^the record with id 2, text .* was refused/),
  });
});

test.each([401, 402, 403, 404, 405, 407, 408, 410, 415, 425, 429, 500, 503, 304, 302])(
  "status %i is no refusal of the record: the run fails, nothing is skipped",
  async (status) => {
    const path = freshDeadLetterPath();
    const server = await startAnswering(() => status);
    const keys: HttpRequestKeys = {
      endpoint: `${server.origin}/in`,
      onError: "deadLetter",
      deadLetter: { path },
    };
    const { error, warnings } = await writeOnce(keys, ids(1, 2));
    const code = [408, 425, 429, 500, 503].includes(status) ? "OUTPUT_UNAVAILABLE" : "OUTPUT_FAILED";
    expect(error).toMatchObject({ code });
    expect(warnings).toEqual([]);
    expect(existsSync(path)).toBe(false);
  },
);

test.each([400, 409, 413, 422, 418])("status %i is a refusal of the record", async (status) => {
  const server = await startAnswering(() => status);
  expect(await writeOnce({ endpoint: server.origin, onError: "skip" }, ids(1))).toMatchObject({
    written: 0,
    error: null,
  });
});

test("404 is a refusal where the record is part of the path", async () => {
  const server = await startAnswering(({ url }) => (url.pathname === "/items/2" ? 404 : 200));
  const result = await writeOnce(
    { endpoint: `${server.origin}/items/{{ id }}`, onError: "skip" },
    ids(1, 2, 3),
  );
  expect(result).toMatchObject({ written: 2, error: null });
  const inQuery = await startAnswering(() => 404);
  const failed = await writeOnce(
    { endpoint: `${inQuery.origin}/items?id={{ id }}`, onError: "skip" },
    ids(1),
  );
  expect(failed.error).toMatchObject({ code: "OUTPUT_FAILED", details: { status: 404 } });
});

test("what the token server refuses is no refusal of a record", async () => {
  const server = await startAnswering(({ url }) => (url.pathname === "/token" ? 400 : 200));
  const { error, warnings } = await writeOnce(
    {
      endpoint: `${server.origin}/in`,
      onError: "skip",
      authentication: {
        type: "oauth2ClientCredentials",
        tokenUrl: `${server.origin}/token`,
        clientId: "id",
        clientSecret: "client-secret-1",
      },
    },
    ids(1),
  );
  expect(error).toMatchObject({ code: "OUTPUT_FAILED", message: expect.stringContaining("/token") });
  expect(warnings).toEqual([]);
});

test("success can list further statuses, and leave out some of 2xx", async () => {
  const taken = await startAnswering(() => 409);
  const listed = { endpoint: taken.origin, success: [200, 409] };
  expect(await writeOnce(listed, ids(1))).toMatchObject({ written: 1, error: null });
  const partly = await startAnswering(() => 207);
  const { error } = await writeOnce({ endpoint: partly.origin, success: [200], onError: "skip" }, ids(1));
  expect(error).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("answered with status 207, which `success` does not list"),
  });
});

/** A server that takes no batch with a record of which the id is among `bad`. */
async function startPicky() {
  const bad = new Set<number>();
  const taken: number[] = [];
  const server = await startAnswering((request) => {
    const carried = idsIn(request);
    if (carried.some((id) => bad.has(id))) return 422;
    taken.push(...carried);
    return 200;
  });
  return { server, bad, taken };
}

test("a refused batch is halved until the refused records stand alone; every other record arrives once, in order", async () => {
  const { server, bad, taken } = await startPicky();
  const path = freshDeadLetterPath();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.integer({ min: 1, max: 17 }),
      async (refused, size) => {
        bad.clear();
        taken.length = 0;
        rmSync(path, { force: true });
        const before = server.seen.length;
        for (const [index, isBad] of refused.entries()) if (isBad) bad.add(index + 1);
        const records = range(refused.length);
        const keys: HttpRequestKeys = {
          endpoint: server.origin,
          batch: { size },
          onError: "deadLetter",
          deadLetter: { path },
        };
        const result = await writeOnce(keys, records);
        const good = records.map(({ id }) => Number(id)).filter((id) => !bad.has(id));
        expect(result).toMatchObject({ written: good.length, error: null });
        expect(taken).toEqual(good);
        expect(deadLettersIn(path).map(({ record }) => record)).toEqual(ids(...bad));
        expect(server.seen.length - before).toBeLessThanOrEqual(Math.max(0, 2 * refused.length - 1));
      },
    ),
    { numRuns: 60 },
  );
});

test("half of a refused batch carries the same idempotency key as the same records on their own", async () => {
  const server = await startAnswering((request) => (idsIn(request).includes(4) ? 422 : 200));
  const keys: HttpRequestKeys = { endpoint: server.origin, batch: { size: 4 }, onError: "skip" };
  await writeOnce(keys, range(4));
  expect(server.seen.map(idsIn)).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
  const half = server.seen[1]?.headers["idempotency-key"];
  await writeOnce(keys, range(2));
  expect(server.seen.at(-1)?.headers["idempotency-key"]).toBe(half);
});

test("onError fail: whichever records are refused, the first of them is named, and those before it arrived once, in order", async () => {
  const { server, bad, taken } = await startPicky();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 17 }),
      async (refused, size) => {
        bad.clear();
        taken.length = 0;
        for (const [index, isBad] of refused.entries()) if (isBad) bad.add(index + 1);
        const first = refused.indexOf(true) + 1;
        const before = server.seen.length;
        const { error } = await writeOnce(
          { endpoint: server.origin, batch: { size } },
          range(refused.length),
        );
        const all = range(refused.length).map(({ id }) => Number(id));
        expect(taken).toEqual(first === 0 ? all : all.slice(0, first - 1));
        if (first === 0) expect(error).toBeNull();
        else
          expect(error).toMatchObject({
            message: expect.stringContaining(`the record with id ${first} was refused`),
          });
        const batches = Math.ceil(refused.length / size);
        expect(server.seen.length - before).toBeLessThanOrEqual(batches + 2 * Math.ceil(Math.log2(size)));
      },
    ),
    { numRuns: 60 },
  );
});

test("whatever size is too large, every record arrives that is not too large alone, and each once", async () => {
  let most = 0;
  const taken: number[] = [];
  const server = await startAnswering((request) => {
    if (Buffer.byteLength(request.body) > most) return 413;
    taken.push(...idsIn(request));
    return 200;
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 60 }), { maxLength: 25 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 20, max: 400 }),
      async (lengths, size, limit) => {
        most = limit;
        taken.length = 0;
        const records = lengths.map((length, index) => ({ id: index + 1, text: "ä".repeat(length) }));
        const alone = (record: unknown): number => Buffer.byteLength(JSON.stringify([record]));
        const good = records.filter((record) => alone(record) <= limit).map(({ id }) => id);
        const keys: HttpRequestKeys = { endpoint: server.origin, batch: { size }, onError: "skip" };
        expect(await writeOnce(keys, records)).toMatchObject({ written: good.length, error: null });
        expect(taken).toEqual(good);
      },
    ),
    { numRuns: 60 },
  );
});
