import { expect, test } from "vitest";
import { deltaRun } from "../src/delta-run/delta-run.ts";
import { currentState } from "../src/state/current-state.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { stateBackends } from "./support/state-backends.ts";

const stream = { connector: "sap_eu", stream: "suppliers" };

for (const backend of stateBackends) {
  test(`read-then-decide on ${backend.name}: a stream that was never begun is idle, without a cursor`, async () => {
    const { store, close } = await backend.open();
    try {
      expect(await currentState(store, stream)).toMatchObject({
        key: stream,
        status: "idle",
        cursor: null,
        startedAtUtc: null,
        epoch: 0,
      });
      expect(await store.list()).toEqual({ items: [], next: null });
      await deltaRun(store, stream, async (run) => {
        expect(await currentState(store, stream)).toMatchObject({ status: "running", runId: run.runId });
        run.setNewCursor("2026-01-01T00:00:01Z");
      });
      expect(await currentState(store, stream)).toEqual(await store.get(stream));
    } finally {
      await close();
    }
  });
}

test("what is no state store is refused, above all the promise of one", async () => {
  const promised: unknown = Promise.resolve(openMemoryState());
  for (const [state, found] of [
    [promised, "a Promise"],
    [{}, "an object"],
    [undefined, "nothing"],
    ["sqlite:./state.db", "text"],
  ] as const) {
    const untyped: Parameters<typeof currentState> = JSON.parse("[null, null]");
    Reflect.set(untyped, 0, state);
    const [store] = untyped;
    const refusal = { code: "ARGUMENT_INVALID", message: `the state is ${found}, not a state store` };
    await expect(currentState(store, stream)).rejects.toMatchObject(refusal);
    await expect(deltaRun(store, stream, () => {})).rejects.toMatchObject(refusal);
  }
});
