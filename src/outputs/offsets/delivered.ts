import type { Commit } from "../../engine/ports.ts";
import type { IdentityStorage } from "./port.ts";
import { storedIdentity } from "./stored-identity.ts";

/** How many identities wait in memory for a commit. */
const heldIdentities = 10_000;

/**
 * The identities of records that an append has delivered in the unfinished window: those stored by earlier commits and
 * runs, and those that this run has written and not committed yet.
 */
export class DeliveredIdentities {
  readonly #storage: IdentityStorage;
  readonly #scope: string;
  /** Written and not committed, in their stored form. */
  readonly #held = new Set<string>();
  /** Whether more of them wait in the storage. */
  #isWaiting = false;
  #anyKept = false;

  constructor(storage: IdentityStorage, scope: string) {
    this.#storage = storage;
    this.#scope = scope;
  }

  /** Checks whether any are stored at all, so that most runs need no further lookups. */
  async start(): Promise<void> {
    this.#anyKept = await this.#storage.any(this.#scope);
  }

  /** Whether `among` could name any that an earlier run delivered. */
  get anyKept(): boolean {
    return this.#anyKept;
  }

  /** Those of the identities that are delivered already. */
  async among(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const stored = identities.map(storedIdentity);
    const known = new Set<string>();
    if (this.#anyKept) for (const found of await this.#storage.find(this.#scope, stored)) known.add(found);
    if (this.#isWaiting) for (const found of await this.#storage.findWaiting(stored)) known.add(found);
    return new Set(
      identities.filter((_, at) => {
        const name = stored[at];
        return name !== undefined && (known.has(name) || this.#held.has(name));
      }),
    );
  }

  /** Adds them as delivered. Outside of a transaction. */
  async add(identities: readonly string[]): Promise<void> {
    for (const identity of identities) this.#held.add(storedIdentity(identity));
    if (this.#held.size < heldIdentities) return;
    if (!this.#isWaiting) await this.#storage.createWaiting();
    this.#isWaiting = true;
    await this.#storage.addWaiting([...this.#held]);
    this.#held.clear();
  }

  /** In the commit's transaction: stores them, and removes those that a finished window no longer needs. */
  async settle(commit: Commit): Promise<void> {
    const keeps = keepsAny(commit);
    if (this.#isWaiting) await this.#storage.settleWaiting(this.#scope, keeps);
    if (keeps && this.#held.size > 0) await this.#storage.add(this.#scope, [...this.#held]);
    if (commit.windowFinished && (this.#anyKept || keeps))
      await this.#storage.drop(this.#scope, commit.keepDelivered);
  }

  /** Called once that transaction is committed. */
  committed(commit: Commit): void {
    this.#anyKept = keepsAny(commit) && (this.#anyKept || this.#isWaiting || this.#held.size > 0);
    this.#isWaiting = false;
    this.#held.clear();
  }
}

function keepsAny({ windowFinished, keepDelivered }: Commit): boolean {
  return !windowFinished || keepDelivered !== undefined;
}
