import type { Lease } from "../../contract.ts";
import { isOwnerGone, type LeaseOwner, processOwner } from "../../owner.ts";

/**
 * The owner of a lease that a service keeps. The service cannot check processes of other machines, and copied machines
 * may share a name. So the owner is sent under a name that no machine has: the host name with the boot id. This machine
 * itself checks whether one of its processes still lives.
 */
export function ownerToSend(owner: LeaseOwner): LeaseOwner {
  return { ...owner, host: `${owner.host}${bootSuffix(owner)}` };
}

/** The owner as it was before it was sent; one that was stored by other ways stays as it is. */
export function ownerAsGiven(owner: LeaseOwner): LeaseOwner {
  const end = bootSuffix(owner);
  return owner.host.endsWith(end) ? { ...owner, host: owner.host.slice(0, -end.length) } : owner;
}

export function leaseAsGiven(lease: Lease | null): Lease | null {
  return lease === null || lease.owner === null ? lease : { ...lease, owner: ownerAsGiven(lease.owner) };
}

function bootSuffix({ boot }: LeaseOwner): string {
  return ` boot ${boot}`;
}

/**
 * Whether the owner was a process of this machine since its last boot, and has ended. For an owner from before that,
 * the lease must run out: it may belong to a copy of this machine.
 */
export function isDeadHere(owner: LeaseOwner): boolean {
  return owner.boot === processOwner().boot && isOwnerGone(owner);
}
