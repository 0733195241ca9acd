import { expect, test } from "vitest";
import { memoryBackend } from "../test/support/state-backends.ts";
import { type StateStoreSuite, stateStoreSuite } from "./state-suite.ts";

interface Listed {
  readonly name: string;
  readonly skipped: boolean;
  readonly body: () => Promise<void>;
}

/** What the suite would have a test framework run. */
function listed(suite: StateStoreSuite): Listed[] {
  const found: Listed[] = [];
  const list = (skipped: boolean) => (name: string, body: () => Promise<void>) =>
    found.push({ name, skipped, body });
  stateStoreSuite(
    { describe: (_, body) => body(), it: Object.assign(list(false), { skip: list(true) }) },
    suite,
  );
  return found;
}

test("no two cases have one name", () => {
  const names = listed(memoryBackend).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(100);
});

test("a case or a group is skipped with its reason", () => {
  const skip = { "the caller's own transaction": "it has none", fail: "it never does" };
  const skipped = listed({ ...memoryBackend, skip }).filter((each) => each.skipped);
  expect(skipped.map(({ name }) => name)).toContain("fail (skipped: it never does)");
  const group = listed(memoryBackend).filter(({ name }) =>
    skipped.some((each) => each.name.startsWith(`${name} (`)),
  );
  expect(group.length).toBeGreaterThan(5);
  expect(skipped.filter(({ name }) => name.endsWith("(skipped: it has none)"))).toHaveLength(
    group.length - 1,
  );
  expect(skipped).toHaveLength(group.length);
});

test("what is not there cannot be skipped", () => {
  expect(() => listed({ ...memoryBackend, skip: { "no such case": "why" } })).toThrow(/no such case/);
});

test("a harness is closed also after a case that failed", async () => {
  let closed = 0;
  const suite: StateStoreSuite = {
    name: "without transactions",
    async open() {
      const harness = await memoryBackend.open();
      return { ...harness, close: async () => void closed++ };
    },
  };
  const failing = listed(suite).find(({ name }) => name.startsWith("completes with the caller's rows"));
  await expect(failing?.body()).rejects.toThrow(/skip this group and give the reason/);
  expect(closed).toBe(1);
});
