import { z } from "zod";

/** The format this version writes, as the database's own `user_version`. */
export const ledgerFormat = 2;

/** Identities as they were delivered, many to a row: they are told apart only once somebody asks for one. */
export const listsTable =
  "CREATE TABLE delivered_lists (lane TEXT NOT NULL, identities TEXT NOT NULL) STRICT";

export const ledgerTables = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE file (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    length INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE marks (
    lane TEXT PRIMARY KEY,
    claimed_epoch INTEGER NOT NULL,
    epoch INTEGER,
    sequence INTEGER,
    cursor_type TEXT,
    position TEXT
  ) STRICT;
  CREATE TABLE delivered (
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (lane, identity)
  ) STRICT, WITHOUT ROWID;
  ${listsTable};
  PRAGMA user_version = ${ledgerFormat};
`;

export const fileRow = z.object({ connector: z.string(), stream: z.string(), length: z.int().min(0) });
export const markRow = z.object({
  claimed_epoch: z.int(),
  epoch: z.int().nullable(),
  sequence: z.int().nullable(),
  position: z.string().nullable(),
});
