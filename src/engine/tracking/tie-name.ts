import { type IdentityPlan, withoutContent } from "../../model/identity.ts";

/** Names the members of the tie set. */
export function tieName(cursor: string, identity: string): string {
  return `${cursor}\n${identity}`;
}

/** Names them by record: where the content counts as well as the key, only the content delivered last is kept. */
export function tieNameBy(plan: IdentityPlan): (cursor: string, identity: string) => string {
  if (!hasLatest(plan)) return tieName;
  return (cursor, identity) => tieName(cursor, withoutContent(identity));
}

/** Whether a known record may be delivered again with changed content. */
export function hasLatest({ key, content }: IdentityPlan): boolean {
  return key !== null && content;
}
