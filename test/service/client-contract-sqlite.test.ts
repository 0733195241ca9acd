import { describe, it } from "vitest";
import { stateStoreSuite } from "../../testing/state-suite.ts";
import { httpBackend } from "../support/http-state.ts";
import { sqliteBackend } from "../support/state-backends.ts";

stateStoreSuite({ describe, it }, httpBackend(sqliteBackend));
