import { TidemarkError } from "../../errors.ts";
import { compareTexts } from "../../model/text-order.ts";
import { type Scope, scopes } from "../contracts/routes.ts";
import { literalPrefix, matchesPattern } from "../keys/pattern.ts";
import type { KeyRecord } from "../keys/store.ts";

/** The principal of a request: a key, or everyone where the service runs without keys. */
export interface Principal {
  /** The key's id; null without keys. */
  readonly id: string | null;
  readonly scope: Scope;
  /** Patterns of the connectors it may see; null for all. */
  readonly connectors: readonly string[] | null;
  readonly key: KeyRecord | null;
}

/** Everybody, where the service runs without keys. */
export const anybody: Principal = { id: null, scope: "admin", connectors: null, key: null };

export function mayUse({ scope }: Pick<Principal, "scope">, needed: Scope): boolean {
  return scopes.indexOf(scope) >= scopes.indexOf(needed);
}

export function maySee({ connectors }: Pick<Principal, "connectors">, connector: string): boolean {
  return connectors === null || connectors.some((pattern) => matchesPattern(pattern, connector));
}

/** Throws `FORBIDDEN` where the key's scope is too small. */
export function assertScope(principal: Principal, needed: Scope): void {
  if (mayUse(principal, needed)) return;
  throw new TidemarkError(
    "FORBIDDEN",
    `this needs the scope ${needed}, and ${principal.id} has ${principal.scope}`,
    { hint: `Use a key made with \`tidemark keys create --scope ${needed}\`.` },
  );
}

/** Throws `FORBIDDEN` for a connector that the key is not bound to, the same whether it exists or not. */
export function assertMaySee(principal: Principal, connector: string): void {
  if (maySee(principal, connector)) return;
  throw new TidemarkError("FORBIDDEN", `${principal.id} is not bound to the connector "${connector}"`, {
    hint: `It is bound to ${principal.connectors?.join(", ")}; use a key for this connector.`,
  });
}

/** Throws `FORBIDDEN` where the key is bound to any connectors, for routes about all streams. */
export function assertSeesAllConnectors(principal: Principal): void {
  if (principal.connectors === null) return;
  throw new TidemarkError(
    "FORBIDDEN",
    `this is about every connector, and ${principal.id} is bound to ${principal.connectors.join(", ")}`,
    { hint: "Ask stream by stream, or use a key that is not bound." },
  );
}

/** The lower bound of the connectors that the key may see, in order; "" for no bound. */
export function firstVisible({ connectors }: Pick<Principal, "connectors">): string {
  return (connectors ?? []).map(literalPrefix).sort(compareTexts)[0] ?? "";
}

/** Whether no connector from this one on, in their order, can be one that the key may see. */
export function isPastVisible({ connectors }: Pick<Principal, "connectors">, connector: string): boolean {
  if (connectors === null) return false;
  return connectors
    .map(literalPrefix)
    .every((prefix) => !connector.startsWith(prefix) && compareTexts(connector, prefix) > 0);
}
