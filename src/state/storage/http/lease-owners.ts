import type { Lease } from "../../contract.ts";
import { isOwnerGone, type LeaseOwner, processOwner } from "../../owner.ts";

/**
 * Who owns a lease that is kept elsewhere. A service has many machines' processes among its clients,
 * some of machines that were copied from one another and go by the same name. It sees none of them,
 * so it must not take one for a process of its own: the owner is sent under a name that no machine
 * has, its own with its boot. Whether a process of this machine still lives, this machine finds out.
 */
export function ownerToSend(owner: LeaseOwner): LeaseOwner {
  return { ...owner, host: `${owner.host}${mark(owner)}` };
}

/** The owner as it was before it was sent; one that was stored by other ways stays as it is. */
export function ownerAsGiven(owner: LeaseOwner): LeaseOwner {
  const end = mark(owner);
  return owner.host.endsWith(end) ? { ...owner, host: owner.host.slice(0, -end.length) } : owner;
}

export function leaseAsGiven(lease: Lease | null): Lease | null {
  return lease === null || lease.owner === null ? lease : { ...lease, owner: ownerAsGiven(lease.owner) };
}

function mark({ boot }: LeaseOwner): string {
  return ` boot ${boot}`;
}

/**
 * Whether the owner was a process of this machine, since it was started last, and lives no longer. One
 * from before is left to its lease's end: it may be that of a copy of this machine.
 */
export function isDeadHere(owner: LeaseOwner): boolean {
  return owner.boot === processOwner().boot && isOwnerGone(owner);
}
