import { describe, it } from "vitest";
import { stateStoreSuite } from "../../testing/state-suite.ts";
import { httpBackend } from "../support/http-state.ts";
import { postgresBackend } from "../support/postgres-state.ts";

stateStoreSuite({ describe, it }, httpBackend(postgresBackend));
