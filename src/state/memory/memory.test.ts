import { describe, it } from "vitest";
import { memoryBackend } from "../../../test/support/state-backends.ts";
import { stateStoreSuite } from "../../testing/state-suite.ts";

const reopened = "state in memory is one store's own and ends with it";

stateStoreSuite(
  { describe, it },
  {
    ...memoryBackend,
    skip: {
      "the caller's own transaction": "there is no database that a caller could have a transaction on",
      "two stores on one state see each other's writes at once": reopened,
      "of many begins through two stores, one is granted": reopened,
      "all is kept when the store is closed and opened again": reopened,
    },
  },
);
