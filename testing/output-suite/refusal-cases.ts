import assert from "node:assert/strict";
import { TidemarkError } from "../../src/errors.ts";
import { type Cases, commitOf, KeptRefusals, records, settleAndCommit, superseded } from "./bench.ts";

/** What becomes of records that the output refuses; for outputs that name such a record. */
export const refusalCases: Cases = {
  "P5: where the run goes on, the other records are committed with what was refused settled before them":
    async (bench) => {
      const { refused } = bench;
      if (refused === undefined) return;
      const refusals = new KeptRefusals();
      const session = await bench.fenced(1, { refusals });
      const taken = await session.write({
        records: [...records(1).records, refused(2), ...records(3).records],
      });
      const written = await settleAndCommit(session, refusals, commitOf(1, 1));
      assert.equal(written ?? taken, 2);
      assert.deepEqual(await bench.ids(), [1, 3]);
      assert.deepEqual(
        refusals.refused.map(({ record }) => record),
        [refused(2)],
      );
      assert.equal(refusals.settled, 1);
    },

  "P5: what was refused and cannot be settled keeps the rows and the commit position from being committed":
    async (bench) => {
      const { refused } = bench;
      if (refused === undefined) return;
      const refusals = new KeptRefusals();
      const session = await bench.fenced(1, { refusals });
      await session.write({ records: [...records(1).records, refused(2)] });
      refusals.beforeSettling = () => {
        throw new TidemarkError("OUTPUT_FAILED", "the letters cannot be written");
      };
      await assert.rejects(
        settleAndCommit(session, refusals, commitOf(1, 1)),
        /the letters cannot be written/,
      );
      assert.deepEqual(await bench.ids(), []);
      await bench.close(session);
      assert.equal(await (await bench.open()).fence(2), null);
    },

  "P4: a run that is shut out settles nothing of what it refused": async (bench) => {
    const { refused } = bench;
    if (refused === undefined) return;
    const refusals = new KeptRefusals();
    const older = await bench.fenced(1, { refusals });
    if (older.settlesRefusals !== true) return;
    await older.write({ records: [...records(1).records, refused(2)] });
    await bench.fenced(2);
    await assert.rejects(settleAndCommit(older, refusals, commitOf(1, 1)), superseded);
    assert.equal(refusals.settled, 0);
  },
};
