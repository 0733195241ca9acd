import type { Commit } from "../../engine/ports.ts";
import { storedIdentity } from "../stored-identity.ts";
import type { Ledger } from "./ledger.ts";

/** How many identities wait in memory for a commit. */
const heldIdentities = 10_000;

/**
 * Which records an append has delivered in the unfinished window: those on record from earlier
 * commits and runs, and those that this run has written and not committed yet.
 */
export class DeliveredIdentities {
  readonly #ledger: Ledger;
  readonly #held = new Set<string>();
  #spilled = false;
  #onRecord = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Looks whether anything is on record at all, so that most runs need not ask again. */
  async start(): Promise<void> {
    this.#onRecord = await this.#ledger.holdsIdentities();
  }

  /** Those that are delivered already. */
  async ask(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const stored = identities.map(storedIdentity);
    const known = new Set<string>();
    if (this.#onRecord) for (const found of await this.#ledger.findIdentities(stored)) known.add(found);
    if (this.#spilled) for (const found of await this.#ledger.findSpilled(stored)) known.add(found);
    const delivered = new Set<string>();
    for (let at = 0; at < identities.length; at++) {
      const identity = identities[at];
      const name = stored[at];
      if (identity === undefined || name === undefined) continue;
      if (known.has(name) || this.#held.has(name)) delivered.add(identity);
    }
    return delivered;
  }

  /** Counts them as delivered from here on. */
  add(identities: readonly string[]): void {
    for (const identity of identities) this.#held.add(storedIdentity(identity));
  }

  /** Moves what is held to the connection's temporary table, where there is much of it. */
  async spill(): Promise<void> {
    if (this.#held.size < heldIdentities) return;
    if (!this.#spilled) await this.#ledger.createSpill();
    this.#spilled = true;
    await this.#ledger.spillIdentities([...this.#held]);
    this.#held.clear();
  }

  /**
   * Within the commit's transaction: puts them on record, or off it where the window is finished, but for
   * those that the commit keeps.
   */
  async settle({ windowFinished, keepDelivered }: Commit): Promise<void> {
    const adds = !windowFinished || keepDelivered !== undefined;
    if (this.#spilled) await this.#ledger.settleSpill(!adds);
    if (adds && this.#held.size > 0) await this.#ledger.addIdentities([...this.#held]);
    if (windowFinished && (this.#onRecord || adds)) await this.#ledger.dropIdentities(keepDelivered);
  }

  /** To be told once that transaction is committed. */
  committed({ windowFinished, keepDelivered }: Commit): void {
    const adds = !windowFinished || keepDelivered !== undefined;
    this.#onRecord = adds && (this.#onRecord || this.#spilled || this.#held.size > 0);
    this.#spilled = false;
    this.#held.clear();
  }
}
