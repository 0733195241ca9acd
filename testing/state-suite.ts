import { auditCases } from "./state-suite/audit.ts";
import { backfillCases } from "./state-suite/backfills.ts";
import { concurrencyCases } from "./state-suite/concurrency.ts";
import { coverageCases } from "./state-suite/coverage.ts";
import { cursorCases } from "./state-suite/cursors.ts";
import { fencingCases } from "./state-suite/fencing.ts";
import type { StateStoreHarness } from "./state-suite/harness.ts";
import { leaseCases } from "./state-suite/leases.ts";
import { lifecycleCases } from "./state-suite/lifecycle.ts";
import { listingCases } from "./state-suite/listings.ts";
import { operatorCases } from "./state-suite/operators.ts";
import { partitionActCases } from "./state-suite/partition-acts.ts";
import { partitionCases } from "./state-suite/partitions.ts";
import { positionCases } from "./state-suite/positions.ts";
import { repeatCases } from "./state-suite/repeats.ts";
import { retentionCases } from "./state-suite/retention.ts";
import { stopCases } from "./state-suite/stops.ts";
import { foreignTransactionCases, transactionCases } from "./state-suite/transactions.ts";

export type { OwnTransaction, OwnTransactions, StateStoreHarness } from "./state-suite/harness.ts";

/** The functions of a test framework that the suites need; those of vitest, jest, mocha and node:test fit. */
export interface TestFramework {
  describe(title: string, body: () => void): unknown;
  readonly it: {
    (name: string, body: () => Promise<void>): unknown;
    skip(name: string, body: () => Promise<void>): unknown;
  };
}

export interface StateStoreSuite {
  /** What the store is called in the tests' names. */
  readonly name: string;
  /** An empty state of its own for one case. */
  open(): Promise<StateStoreHarness>;
  /**
   * Cases, or whole groups of them, that this store cannot have, each with the reason why. A title or
   * name that is none of the suite's is an error.
   */
  readonly skip?: Readonly<Record<string, string>>;
}

const groups = [
  lifecycleCases,
  repeatCases,
  leaseCases,
  stopCases,
  fencingCases,
  cursorCases,
  positionCases,
  operatorCases,
  auditCases,
  listingCases,
  backfillCases,
  coverageCases,
  partitionCases,
  partitionActCases,
  retentionCases,
  concurrencyCases,
  transactionCases,
  foreignTransactionCases,
];

/**
 * Holds a `StateStore` to its contract: every case that every store has to pass.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * import { stateStoreSuite } from "tidemark/testing";
 *
 * stateStoreSuite({ describe, it }, {
 *   name: "my store",
 *   async open() {
 *     const clock = new FakeClock();
 *     const store = await openMyStore({ clock });
 *     return {
 *       store,
 *       reopen: () => openMyStore({ clock }),
 *       expireLease: () => clock.advance(86_400_000),
 *       close: () => store.close(),
 *     };
 *   },
 *   skip: { "the caller's own transaction": "my store is no database" },
 * });
 * ```
 */
export function stateStoreSuite(framework: TestFramework, suite: StateStoreSuite): void {
  const skip = new Map(Object.entries(suite.skip ?? {}));
  assertKnownCases([...skip.keys()]);
  framework.describe(`${suite.name}: the state store's contract`, () => {
    for (const { title, cases } of groups) {
      framework.describe(title, () => {
        for (const { name, run } of cases) {
          const reason = skip.get(title) ?? skip.get(name);
          const body = () => withHarness(suite, run);
          if (reason === undefined) framework.it(name, body);
          // Needed: the suite is published for stores of others, and a store may lack what a case tests (a store that is no
          // database has no transaction of the caller's). Its author gives the reason, which is printed with the case.
          // `assertKnownCases` fails where the suite has no such case, so that no skip stays behind.
          else framework.it.skip(`${name} (skipped: ${reason})`, body);
        }
      });
    }
  });
}

async function withHarness(
  suite: StateStoreSuite,
  run: (harness: StateStoreHarness) => Promise<void>,
): Promise<void> {
  const harness = await suite.open();
  try {
    await run(harness);
  } finally {
    await harness.close();
  }
}

function assertKnownCases(skipped: readonly string[]): void {
  const known = new Set(groups.flatMap(({ title, cases }) => [title, ...cases.map(({ name }) => name)]));
  const unknown = skipped.find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`the suite has nothing called "${unknown}" to skip`);
}
