import type { Refusal, Refusals } from "../../engine/ports.ts";
import { isTidemarkError, messageOf, TidemarkError, withMessage } from "../../errors.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import { recordName } from "../dead-letters/record-name.ts";

/** A record that a module's output cannot take. The reason may be any value, such as a caught error. */
export type ModuleRefusal = Omit<Refusal, "name" | "reason"> & {
  /** The record's name in messages. Default: its key, or its first fields. */
  readonly name?: string;
  readonly reason: unknown;
};

export type ModuleRefusals = Omit<Refusals, "refuse"> & {
  /** As `Refusals.refuse`. If it throws, `write` must not catch the error, which ends the run. */
  refuse(refusal: ModuleRefusal): void;
};

interface ModuleRefusalParts {
  readonly id: string;
  /** The fields by which messages name a record. */
  readonly key: readonly string[];
  /** Called for each refused record that does not end the run. */
  readonly onRefused: () => void;
}

/** The run's refusals for a module: adds each record's name, and a code to the reason. */
export function moduleRefusals(
  refusals: Refusals,
  { id, key, onRefused }: ModuleRefusalParts,
): ModuleRefusals {
  return {
    goesOn: refusals.goesOn,
    refuse(refusal) {
      refusals.refuse(completed(refusal, id, key));
      onRefused();
    },
    settle: () => refusals.settle(),
  };
}

function completed(refusal: ModuleRefusal, id: string, key: readonly string[]): Refusal {
  const { record } = refusal;
  const paths = key.map((field) => [field]);
  const name = refusal.name ?? (isPlainObject(record) ? recordName(record, paths) : "a record");
  const reason = isTidemarkError(refusal.reason)
    ? refusal.reason
    : new TidemarkError("RECORD_INVALID", messageOf(refusal.reason), { cause: refusal.reason });
  const failure = withMessage(reason, `the output module ${id} refused ${name}: ${reason.message}`);
  return { failure, ...refusal, name, reason };
}
