import { describe, it } from "vitest";
import { stateStoreSuite } from "../../src/testing/state-suite.ts";
import { httpBackend } from "../support/http-state.ts";
import { postgresBackend } from "../support/postgres-state.ts";
import { sqliteBackend } from "../support/state-backends.ts";

for (const behind of [sqliteBackend, postgresBackend]) stateStoreSuite({ describe, it }, httpBackend(behind));
