import { describe, it } from "vitest";
import { postgresBackend } from "../../../../test/support/postgres-state.ts";
import { stateStoreSuite } from "../../../../testing/state-suite.ts";

stateStoreSuite({ describe, it }, postgresBackend);
