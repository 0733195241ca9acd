import type { DeadLetter } from "../../src/engine/ports.ts";

/** The letter of a record that a database refused, but for what is given. */
export function letterWith(given: Partial<DeadLetter>): DeadLetter {
  return {
    id: "a",
    time: "2026-01-01T00:00:00.000Z",
    pipeline: "orders",
    connector: "acme",
    stream: "orders",
    partition: null,
    run: "run-1",
    stage: "output",
    by: "database",
    code: "OUTPUT_FAILED",
    field: null,
    status: null,
    reason: "no",
    cursor: null,
    record: {},
    ...given,
  };
}
