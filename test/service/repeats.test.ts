import { expect, it } from "vitest";
import { done, problemIn, startService } from "./support.ts";

const path = "/v1/streams/sap_eu/suppliers";
const named = { run_id: "r1", epoch: 1 };

/** Each step of a run's life, and whether the answer to its repetition is the same word for word. */
const steps = [
  { step: "begin", body: { run_id: "r1", cursor_type: "numeric_id" }, same: true },
  {
    step: "checkpoint",
    body: { ...named, sequence: 1, new_cursor_value: 10, records_processed: 3 },
    same: true,
  },
  { step: "heartbeat", body: named, same: true },
  { step: "checkpoint", body: { ...named, sequence: 2, new_cursor_value: "20" }, same: true },
  { step: "complete", body: { ...named, new_cursor_value: 30, metadata: { a: 1 } }, same: true },
];

it("P4: every request of a run can be sent again and again, and does what it does once", async () => {
  const service = await startService();
  for (const { step, body } of steps) {
    const first = done(await service.ask("POST", `${path}/${step}`, { body }));
    const before = await service.state.audit();
    for (let n = 0; n < 3; n++) {
      const again = done(await service.ask("POST", `${path}/${step}`, { body }));
      if (step !== "heartbeat") expect({ ...again, lease: null }).toEqual({ ...first, lease: null });
    }
    expect(await service.state.audit()).toEqual(before);
  }
  const { items } = await service.state.runs({ connector: "sap_eu", stream: "suppliers" });
  expect(items).toMatchObject([{ runId: "r1", outcome: "completed", checkpoints: 2, newCursor: "30" }]);
  const late = await service.ask("POST", `${path}/begin`, { body: steps[0]?.body });
  expect(problemIn(late)).toMatchObject({ status: 409, code: "RUN_FINISHED" });
});

it("P8: a failure can be reported again, and what comes after it is refused", async () => {
  const service = await startService();
  done(await service.ask("POST", `${path}/begin`, { body: steps[0]?.body }));
  const body = { ...named, error_summary: "no power" };
  const first = done(await service.ask("POST", `${path}/fail`, { body }));
  expect(done(await service.ask("POST", `${path}/fail`, { body }))).toEqual(first);
  const after = await service.ask("POST", `${path}/complete`, { body: { ...named, new_cursor_value: 1 } });
  expect(problemIn(after)).toMatchObject({ status: 409, code: "RUN_FINISHED" });
});

it("the error of a checkpoint out of order names the last sequence", async () => {
  const service = await startService();
  done(await service.ask("POST", `${path}/begin`, { body: steps[0]?.body }));
  const body = { ...named, sequence: 3, new_cursor_value: 1 };
  expect(problemIn(await service.ask("POST", `${path}/checkpoint`, { body }))).toMatchObject({
    status: 409,
    code: "CHECKPOINT_OUT_OF_ORDER",
    details: { sequence: 3, last_sequence: 0 },
  });
});

it("P7: cursors and metadata keep every digit over the wire, as numbers and as text", async () => {
  const service = await startService();
  const digits = "123456789012345678901234567890.123456789";
  for (const [epoch, literal] of [digits, `"${digits}"`].entries()) {
    const run = done(await service.ask("POST", `${path}/begin`, { body: { cursor_type: "numeric_id" } }));
    const raw = `{"run_id":"${run.run_id}","epoch":${epoch + 1},"new_cursor_value":${literal},"metadata":{"id":${digits}}}`;
    const answered = await service.ask("POST", `${path}/complete`, { raw });
    expect(answered.text).toContain(`"cursor_value":"${digits}"`);
    expect(answered.text).toContain(`"metadata":{"id":${digits}}`);
    expect((await service.ask("GET", path)).text).toContain(`"id":${digits}`);
  }
});

it("P11: a backfill runs next to the live run and leaves its watermark alone", async () => {
  const service = await startService();
  const live = done(await service.ask("POST", `${path}/begin`, { body: { cursor_type: "numeric_id" } }));
  const backfill = done(
    await service.ask("POST", `${path}/begin`, {
      body: { kind: "backfill", run_id: "b1", cursor_type: "numeric_id" },
    }),
  );
  const ended = { run_id: "b1", epoch: backfill.epoch, kind: "backfill", new_cursor_value: null };
  done(await service.ask("POST", `${path}/complete`, { body: ended }));
  expect(done(await service.ask("GET", path))).toMatchObject({
    run_id: live.run_id,
    status: "running",
    cursor_value: null,
  });
  const body = { run_id: live.run_id, epoch: live.epoch, new_cursor_value: 5 };
  expect(done(await service.ask("POST", `${path}/complete`, { body }))).toMatchObject({ cursor_value: "5" });
});
