import { z } from "zod";
import type { VersionedTables } from "../../databases/versioned-tables.ts";

/** The first version with more than one file. */
export const seriesVersion = 3;

/** Delivered identities, many in one row: they are split only when one is looked up. */
const listsTable = "CREATE TABLE delivered_lists (lane TEXT NOT NULL, identities TEXT NOT NULL) STRICT";

/** The committed length of each file: a single file under the name `""`, those of a series under their own names. */
const filesTable = "CREATE TABLE files (name TEXT PRIMARY KEY, length INTEGER NOT NULL) STRICT";

/** Columns by which a change inside the committed length is detected. */
const sealColumns = "ALTER TABLE files ADD COLUMN head TEXT; ALTER TABLE files ADD COLUMN tail TEXT";

const newTables = `
  CREATE TABLE file (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    connector TEXT NOT NULL,
    stream TEXT NOT NULL
  ) STRICT;
  ${filesTable};
  ${sealColumns};
  CREATE TABLE marks (
    lane TEXT PRIMARY KEY,
    claimed_epoch INTEGER NOT NULL,
    epoch INTEGER,
    sequence INTEGER,
    cursor_type TEXT,
    position TEXT,
    file TEXT
  ) STRICT;
  CREATE TABLE delivered (
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (lane, identity)
  ) STRICT, WITHOUT ROWID;
  ${listsTable};
`;

/** The sink offsets of a file, with their version in the database's own `user_version`. */
export const offsetsTables: VersionedTables = {
  title: "the sink offsets",
  create: newTables,
  steps: [
    listsTable,
    `${filesTable};
    INSERT INTO files (name, length) SELECT '', length FROM file;
    ALTER TABLE file DROP COLUMN length;
    ALTER TABLE marks ADD COLUMN file TEXT;
    UPDATE marks SET file = ''`,
    sealColumns,
  ],
  setVersion: (version) => `PRAGMA user_version = ${version}`,
};

export const ownerRow = z.object({ connector: z.string(), stream: z.string() });
export const nameRow = z.object({ name: z.string() });
export const lengthRow = z.object({ length: z.int().min(0) });
export const sealedRow = lengthRow.extend({ head: z.string().nullable(), tail: z.string().nullable() });
export const offsetsRow = z.object({
  lane: z.string(),
  claimed_epoch: z.int(),
  epoch: z.int().nullable(),
  sequence: z.int().nullable(),
  cursor_type: z.string().nullable(),
  position: z.string().nullable(),
});
export type OffsetsRow = z.infer<typeof offsetsRow>;
