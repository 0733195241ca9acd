import { type IdentityPlan, withoutContent } from "../../model/identity.ts";

/** Tells the members of the tie set apart. */
export function tieName(cursor: string, identity: string): string {
  return `${cursor}\n${identity}`;
}

/**
 * Tells them apart by record: of one whose content counts as well as its key, only the content that was delivered
 * last is kept.
 */
export function tieNameBy(plan: IdentityPlan): (cursor: string, identity: string) => string {
  if (!hasLatest(plan)) return tieName;
  return (cursor, identity) => tieName(cursor, withoutContent(identity));
}

/** Whether a record that is known may be delivered again with another content. */
export function hasLatest({ key, content }: IdentityPlan): boolean {
  return key !== null && content;
}
