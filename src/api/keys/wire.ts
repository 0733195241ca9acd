import { z } from "zod";
import { fromWire, shown, toWire, wireShape } from "../../state/derive/wire.ts";
import type { KeyRecord } from "./store.ts";
import { apiKeys, type KeyAuditRecord, keyAudit, shownOfKey, shownOfKeyAudit } from "./tables.ts";

/** The fields of a key in the messages of the service. */
export const keyFields = wireShape(apiKeys, shownOfKey);

export const keyAuditRecord = z
  .object(wireShape(keyAudit, shownOfKeyAudit))
  .meta({ id: "KeyAuditRecord", description: "A creation or revocation of a key." });
type WireKeyAudit = z.infer<typeof keyAuditRecord>;

/** A key as the service and `--json` give it. */
export function keyToWire(record: KeyRecord) {
  return toWire(apiKeys, shownOfKey, record);
}

export function keyFromWire(wire: ReturnType<typeof keyToWire>): KeyRecord {
  return fromWire(apiKeys, shownOfKey, wire);
}

/** Without the hash of the secret among its terms. */
export function keyAuditToWire(row: KeyAuditRecord): WireKeyAudit {
  return toWire(keyAudit, shownOfKeyAudit, shown(keyAudit, shownOfKeyAudit, row));
}

export function keyAuditFromWire(wire: WireKeyAudit): KeyAuditRecord {
  const { terms, ...row } = fromWire(keyAudit, shownOfKeyAudit, wire);
  return { ...row, terms: JSON.stringify(terms) };
}
