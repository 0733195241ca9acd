import { expect, test } from "vitest";
import { moduleOutput } from "../src/outputs/module/module-output.ts";
import type { ModuleOutput } from "../src/outputs/module/output-module.ts";
import { MemoryTable, memoryOutput } from "./memory-output.ts";
import { type OutputContractOptions, outputContract } from "./output-suite.ts";

/** Which of the cases an output fails, each with why. */
async function failed(
  make: (ids: number[]) => ModuleOutput,
  options: OutputContractOptions = {},
): Promise<{ readonly of: number; readonly names: string[]; readonly why: string[] }> {
  const cases = outputContract(async () => {
    const ids: number[] = [];
    return {
      output: moduleOutput({ id: "tried", create: () => make(ids) }),
      ids: async () => ids,
      refused: (id) => ({ id, value: 2 }),
      dispose: async () => {},
    };
  }, options);
  const names: string[] = [];
  const why: string[] = [];
  for (const { name, run } of cases) {
    try {
      await run();
    } catch (error) {
      names.push(name);
      why.push(String(error));
    }
  }
  return { of: cases.length, names, why };
}

const atLeastOnce = { guarantee: "at-least-once" } as const;

/** What writes each record at once, and has no more than that. */
function plain(ids: number[]): ModuleOutput {
  return {
    ...atLeastOnce,
    appends: false,
    open: ({ refusals }) => ({
      async write({ records }) {
        const taken = records.filter(({ value }) => typeof value === "string");
        ids.push(...taken.map(({ id }) => Number(id)));
        for (const record of records)
          if (!taken.includes(record)) refusals.refuse({ record, reason: "its value is no text" });
        return taken.length;
      },
    }),
  };
}

test("an output with nothing but a `write` passes the cases of one that delivers at least once", async () => {
  expect(await failed(plain, atLeastOnce)).toEqual({ of: 7, names: [], why: [] });
});

test("one that holds back what was committed, counts wrongly, or swallows refusals is found", async () => {
  const heldBack = (ids: number[]): ModuleOutput => {
    const output = plain([]);
    return {
      ...output,
      open: async (context) => ({
        ...(await output.open(context)),
        close: async () => void ids.push(1, 2, 3, 4),
      }),
    };
  };
  expect((await failed(heldBack, atLeastOnce)).names).toContain(
    "P5: what a commit acknowledged has arrived, and each write counts what it took",
  );
  const swallows = (ids: number[]): ModuleOutput => ({
    ...plain(ids),
    open: (context) => plain(ids).open({ ...context, refusals: { goesOn: true, refuse() {}, settle() {} } }),
  });
  expect((await failed(swallows, atLeastOnce)).names).toEqual([
    "where the run goes on, the records around a refused one arrive, and the refused one is told",
  ]);
});

test("one that delivers exactly once and does not look at the fence is found", async () => {
  const unfenced = (ids: number[]): ModuleOutput => {
    const table = new MemoryTable();
    const output = memoryOutput(table);
    return {
      ...output,
      async open(context) {
        const { refusals: _, ...rest } = context;
        const session = await output.open(rest);
        const commit: typeof session.commit = async (given) => {
          table.fenced.clear();
          await session.fence(given.epoch);
          await session.commit(given);
          ids.splice(0, ids.length, ...table.rows.map(({ id }) => Number(id)));
        };
        return new Proxy(session, {
          get: (target, name) => {
            if (name === "commit") return commit;
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    };
  };
  const { names } = await failed(unfenced);
  expect(names.some((name) => name.startsWith("P4: after a newer"))).toBe(true);
});

test("the cases of another guarantee than the output declares say so", async () => {
  const { of, why } = await failed(plain);
  expect(why).toHaveLength(of);
  expect(why[0]).toContain(
    "these are the cases of an output that delivers exactly-once, and it declares at-least-once",
  );
});
