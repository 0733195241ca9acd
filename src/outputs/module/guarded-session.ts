import { z } from "zod";
import type { Commit, CommitPosition, OutputSession } from "../../engine/ports.ts";
import { positionSchema } from "../../model/position.ts";
import type { Expected, ModuleCode } from "./module-code.ts";
import type { ModuleOutputSession } from "./output-module.ts";

const epoch: Expected<number> = {
  shape: z.int().min(0),
  description: "the highest epoch that has fenced the stream",
};
const commitPosition: Expected<CommitPosition | null> = {
  shape: z
    .looseObject({ epoch: z.int().min(0), sequence: z.int().min(0), position: positionSchema })
    .nullable(),
  description:
    "the position of the newest commit as `{ epoch, sequence, position }`, or null before the first",
};
const known: Expected<ReadonlySet<string>> = {
  shape: z.set(z.string()),
  description: "a Set of those of the identities that were delivered",
};
const yesOrNo: Expected<boolean> = { shape: z.boolean(), description: "true or false" };
const replaced: Expected<"nothing" | "older" | "anything"> = {
  shape: z.enum(["nothing", "older", "anything"]),
  description: "one of nothing, older, anything",
};
const committed: Expected<{ written: number } | undefined> = {
  shape: z.looseObject({ written: z.int().min(0) }).optional(),
  description: "`{ written }`, or nothing",
};

function count(records: number): Expected<number> {
  return {
    shape: z.int().min(0).max(records),
    description: `how many of the ${records} records it took`,
  };
}

/**
 * Wraps a module's session for the engine: adds the methods that a module may leave out, and converts its errors and
 * wrong results to failures of the module. Optional methods that the module lacks must be absent here too, since the
 * engine checks for them. `refused` is how many records the module has refused so far.
 */
export function guardedSession(
  session: ModuleOutputSession,
  code: ModuleCode,
  refused: () => number,
): OutputSession {
  const { place, settlesRefusals } = session;
  return {
    databaseIdentity: session.databaseIdentity ?? null,
    ...(place === undefined ? {} : { place }),
    ...(settlesRefusals === undefined ? {} : { settlesRefusals }),
    ...guardedQuestions(session, code),
    fencedEpoch: () => code.call("fencedEpoch", () => session.fencedEpoch?.() ?? 0, epoch),
    fence: (...fence) =>
      code.call(
        "fence",
        () => (session.fence === undefined ? null : session.fence(...fence)),
        commitPosition,
      ),
    write: async (batch) => {
      const given = batch.records.length;
      const before = refused();
      const taken = await code.call("write", () => session.write(batch), count(given));
      assertWhole(code, { given, taken, refused: refused() - before });
      return taken;
    },
    commit: (commit: Commit) => code.call("commit", () => session.commit?.(commit), committed),
    close: async () => {
      await code.run("close", () => session.close?.());
    },
  };
}

/** A record that is neither taken nor refused would be lost, since the position moves past it. */
function assertWhole(
  code: ModuleCode,
  { given, taken, refused }: { readonly given: number; readonly taken: number; readonly refused: number },
): void {
  if (taken + refused >= given) return;
  throw code.failed(`its \`write\` took ${taken} of ${given} records and refused ${refused}`, {
    hint: "Return how many records it took, with those that the target already had. Pass a record that it cannot take to `context.refusals.refuse`.",
  });
}

/** The optional methods of sessions. */
function guardedQuestions(session: ModuleOutputSession, code: ModuleCode): Partial<OutputSession> {
  return {
    ...(session.holdsRecords === undefined
      ? {}
      : { holdsRecords: () => code.call("holdsRecords", () => session.holdsRecords?.(), yesOrNo) }),
    ...(session.partition === undefined
      ? {}
      : { partition: (name) => code.call("partition", () => session.partition?.(name), commitPosition) }),
    ...(session.delivered === undefined
      ? {}
      : { delivered: (names) => code.call("delivered", () => session.delivered?.(names), known) }),
    ...(session.keepsDelivered === undefined
      ? {}
      : { keepsDelivered: () => code.call("keepsDelivered", () => session.keepsDelivered?.(), yesOrNo) }),
    ...(session.replaces === undefined
      ? {}
      : { replaces: (record) => code.call("replaces", () => session.replaces?.(record), replaced) }),
  };
}
