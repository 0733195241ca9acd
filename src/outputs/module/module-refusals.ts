import type { Refusal, Refusals } from "../../engine/ports.ts";
import { isTidemarkError, messageOf, TidemarkError, withMessage } from "../../errors.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import { recordName } from "../dead-letters/record-name.ts";

/** A record that a module's output cannot take. Anything may be the reason, such as what was caught. */
export type ModuleRefusal = Omit<Refusal, "name" | "reason"> & {
  /** The record in few words; by its key, or its first fields, unless given. */
  readonly name?: string;
  readonly reason: unknown;
};

export type ModuleRefusals = Omit<Refusals, "refuse"> & {
  /** As `Refusals.refuse`. Where it throws, `write` must let that pass: it ends the run. */
  refuse(refusal: ModuleRefusal): void;
};

/** The run's refusals as a module is given them: each is completed with its name, and its reason with a code. */
export function moduleRefusals(refusals: Refusals, id: string, key: readonly string[]): ModuleRefusals {
  return {
    goesOn: refusals.goesOn,
    refuse: (refusal) => refusals.refuse(completed(refusal, id, key)),
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
