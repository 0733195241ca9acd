import { describe, expect, it } from "vitest";
import { openState } from "../src/index.ts"; // In a project of your own: from "tidemark".
import { FakeClock, stateStoreSuite } from "../testing/index.ts"; // … and from "tidemark/testing".
import { notifyingState } from "./notifying-state.ts";

it("tells where a stream stands after each run that has completed", async () => {
  const told: (string | null)[] = [];
  await using state = notifyingState(await openState("memory:"), ({ position }) =>
    told.push(position.watermark),
  );
  const key = { connector: "acme", stream: "orders" };
  const first = await state.begin(key, { cursorType: "numeric_id" });
  await state.complete(first, { newCursor: "7", recordsProcessed: 7 });
  await state.fail(await state.begin(key, { cursorType: "numeric_id" }), { error: "the source is away" });
  expect(told).toEqual(["7"]);
});

const noOther = "state in memory is one store's own";

// Every case that a store has to pass: well over a hundred, on a state of its own each.
stateStoreSuite(
  { describe, it },
  {
    name: "a state store around another",
    async open() {
      const clock = new FakeClock();
      const store = notifyingState(await openState("memory:", { clock }), () => {});
      return {
        store,
        reopen: () => Promise.reject(new Error(noOther)),
        expireLease: () => clock.advance(86_400_000),
        close: () => store.close(),
      };
    },
    skip: {
      "the caller's own transaction": "there is no database that a caller could have one on",
      "two stores on one state see each other's writes at once": noOther,
      "of many begins through two stores, one is granted": noOther,
      "P12: a checkpoint that comes right after a request by another process is chained to it": noOther,
      "all is kept when the store is closed and opened again": noOther,
    },
  },
);
