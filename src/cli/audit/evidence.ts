import { createReadStream } from "node:fs";
import { createInterface } from "node:readline/promises";
import { auditRecord, auditRecordFromWire } from "../../api/contracts/history.ts";
import { messageOf } from "../../errors.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { auditBroken, auditHash, ChainVerifier } from "../../state/audit.ts";
import type { AuditRecord, StateStore } from "../../state/contract.ts";
import { encodePlace } from "../../state/listing.ts";
import { invalidArgument } from "../failure.ts";
import type { AuditHead } from "./heads.ts";

/** The part of a stream's log that is in the archives read so far. */
interface ArchivedLog {
  readonly key: StreamKey;
  readonly verifier: ChainVerifier;
  /** The log's first row that is still in the state. */
  readonly first: AuditRecord | null;
  last: AuditRecord | null;
}

/**
 * Verifies logs beyond what the state itself can: that archives and the rest are one chain, and that rows that were
 * pinned are still what they were. Throws `AUDIT_BROKEN`.
 */
export class Evidence {
  readonly #state: StateStore;
  readonly #key: StreamKey | null;
  readonly #pinned: Map<string, AuditHead>;
  readonly #logs = new Map<string, ArchivedLog>();

  constructor(state: StateStore, key: StreamKey | null, pinned: readonly AuditHead[]) {
    this.#state = state;
    this.#key = key;
    this.#pinned = new Map(pinned.map((head) => [formatStreamKey(head.key), head]));
  }

  /** Reads archives, the oldest first; returns how many rows they hold. */
  async readArchives(files: readonly string[]): Promise<number> {
    let rows = 0;
    for (const file of files) {
      for await (const record of recordsIn(file)) {
        if (this.#key !== null && formatStreamKey(record.key) !== formatStreamKey(this.#key)) continue;
        rows += await this.#archived(record);
      }
    }
    for (const { key, last, first } of this.#logs.values()) {
      if (last === null || first === null || first.number <= last.number) continue;
      if (first.number > last.number + 1) throw auditBroken(key, last.number + 1, missing);
      if (first.hash !== auditHash(last.hash, first)) throw auditBroken(key, first.number, apart);
    }
    return rows;
  }

  /** A row that archives hold twice, since an archive was made again, counts once. */
  async #archived(record: AuditRecord): Promise<number> {
    const name = formatStreamKey(record.key);
    let log = this.#logs.get(name);
    if (log === undefined) {
      const { items } = await this.#state.audit({ key: record.key, limit: 1 });
      log = { key: record.key, verifier: new ChainVerifier(record.key), first: items[0] ?? null, last: null };
      this.#logs.set(name, log);
    }
    if (log.last !== null && record.number <= log.last.number) return 0;
    log.verifier.row(record);
    // Archived but not removed yet: the row is in the state as well.
    if (log.first?.number === record.number && log.first.hash !== record.hash)
      throw auditBroken(record.key, record.number, apart);
    const pin = this.#pinned.get(name);
    if (pin?.number === record.number) {
      assertPinnedHash(pin, record);
      this.#pinned.delete(name);
    }
    log.last = record;
    return 1;
  }

  /** Looks up the pinned rows that no archive had. */
  async checkPinned(): Promise<void> {
    for (const pin of this.#pinned.values()) {
      const after = encodePlace({ key: pin.key, number: pin.number - 1 });
      const { items } = await this.#state.audit({ key: pin.key, after, limit: 1 });
      const [record] = items;
      if (record?.number === pin.number) assertPinnedHash(pin, record);
      else if (record === undefined || this.#logs.has(formatStreamKey(pin.key)))
        throw auditBroken(pin.key, pin.number, "was pinned and is missing");
      else
        throw auditBroken(
          pin.key,
          pin.number,
          "was pinned, and is not in the state; name its archive with --archived",
        );
    }
  }
}

const missing = "is neither in the archives nor in the state";
const apart = "does not go on from the archive";

function assertPinnedHash(pin: AuditHead, record: AuditRecord): void {
  if (record.hash !== pin.hash) throw auditBroken(pin.key, pin.number, "is not the one that was pinned");
}

/** The rows of an archive, one at a time. */
export async function* recordsIn(file: string): AsyncIterable<AuditRecord> {
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file, "utf8") })) {
      number++;
      if (line !== "") yield auditRecordFromWire(auditRecord.parse(JSON.parse(line)));
    }
  } catch (error) {
    if (error instanceof Error && error.name === "TidemarkError") throw error;
    const place = number === 0 ? file : `${file}:${number}`;
    throw invalidArgument(
      `${place} cannot be read as an archive of the audit log: ${messageOf(error).split("\n")[0]}`,
      "Give files that `tidemark audit --archive` wrote, from the oldest on.",
    );
  }
}
