import { type IdentityPlan, withoutContent } from "../../model/identity.ts";

/** Tells boundary keys apart. */
export function boundaryName(cursor: string, identity: string): string {
  return `${cursor}\n${identity}`;
}

/**
 * Tells them apart by record: of one whose content counts beside its key, only the content that was delivered
 * last is kept.
 */
export function boundaryNameBy(plan: IdentityPlan): (cursor: string, identity: string) => string {
  if (!hasLatest(plan)) return boundaryName;
  return (cursor, identity) => boundaryName(cursor, withoutContent(identity));
}

/** Whether a record that is known may be delivered again with another content. */
export function hasLatest({ key, content }: IdentityPlan): boolean {
  return key !== null && content;
}
