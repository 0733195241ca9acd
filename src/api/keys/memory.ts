import { type ChainLink, noLink } from "../../state/hash-chain.ts";
import type { KeyStorage } from "./store.ts";
import type { KeyAuditRecord, KeyRow } from "./tables.ts";

/** Keys for as long as the process runs. */
export function memoryKeys(): KeyStorage {
  const rows = new Map<string, KeyRow>();
  const log: KeyAuditRecord[] = [];
  const tail = (): ChainLink => log.at(-1) ?? noLink;
  return {
    async find(id) {
      return rows.get(id) ?? null;
    },
    async list() {
      return [...rows.values()];
    },
    async change(id, decide) {
      const made = decide({ row: rows.get(id) ?? null, keys: rows.size, tail: tail() });
      if (made === null) return;
      rows.set(made.row.id, made.row);
      log.push(made.audit);
    },
    async touch(id, atUtc, unlessAfterUtc) {
      const row = rows.get(id);
      if (row === undefined || (row.lastUsedAtUtc !== null && row.lastUsedAtUtc > unlessAfterUtc)) return;
      rows.set(id, { ...row, lastUsedAtUtc: atUtc });
    },
    async audit() {
      return { rows: [...log], tail: tail(), keys: [...rows.values()] };
    },
    async close() {},
  };
}
