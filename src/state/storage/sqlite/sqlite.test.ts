import { describe, it } from "vitest";
import { sqliteBackend } from "../../../../test/support/state-backends.ts";
import { stateStoreSuite } from "../../../../testing/state-suite.ts";

stateStoreSuite({ describe, it }, sqliteBackend);
