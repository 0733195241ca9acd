import { onTestFinished } from "vitest";
import { type Listening, serveService } from "../../src/api/service/listen.ts";
import { createService } from "../../src/api/service/service.ts";
import type { Clock } from "../../src/clock.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openHttpState } from "../../src/state/storage/http/http.ts";
import type { StateStoreSuite } from "../../testing/state-suite.ts";

/** A service without keys on a free port of this machine. */
export function serveState(state: StateStore, clock?: Clock): Promise<Listening> {
  const service = createService({ state, keys: null, ...(clock === undefined ? {} : { clock }) });
  return serveService(service, { port: 0 });
}

/** A store over a real service of this state, both closed when the test ends, and the service's address. */
export async function servedState(behind: StateStore) {
  const listening = await serveState(behind);
  const store = openHttpState(listening.url);
  onTestFinished(async () => {
    await store.close();
    await listening.close(0);
  });
  return { store, url: listening.url };
}

/** State in a real service, which keeps it in another backend. */
export function httpBackend(behind: StateStoreSuite): StateStoreSuite {
  return {
    name: `http on ${behind.name}`,
    skip: { "the caller's own transaction": "it cannot reach the database behind a service" },
    async open() {
      const harness = await behind.open();
      const listening = await serveState(harness.store);
      const store = openHttpState(listening.url);
      return {
        store,
        reopen: async () => openHttpState(listening.url),
        expireLease: (run) => harness.expireLease(run),
        async close() {
          await store.close();
          await listening.close(0);
          await harness.close();
        },
      };
    },
  };
}
