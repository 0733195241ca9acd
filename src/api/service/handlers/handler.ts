import type { StateStore } from "../../../state/contract.ts";
import type { KeyStore } from "../../keys/store.ts";
import type { Principal } from "../access.ts";
import type { Answer, Asked, RouteName } from "../contracts.ts";

/** A checked request, as its handler sees it. */
export interface Call<Name extends RouteName> extends Asked<Name> {
  readonly state: StateStore;
  /** Null where the service runs without keys. */
  readonly keys: KeyStore | null;
  readonly principal: Principal;
}

export type Handler<Name extends RouteName> = (call: Call<Name>) => Promise<Answer<Name>>;

export type Handlers<Name extends RouteName> = { readonly [Each in Name]: Handler<Each> };

/** The actor for the audit log: the key, or without keys the name that the caller gives. */
export function actorOf(principal: Principal, named: string | null | undefined): string | undefined {
  return principal.id ?? named ?? undefined;
}

/** An operator's act always has an actor. */
export function operatorOf(principal: Principal, named: string | null | undefined): string {
  return actorOf(principal, named) ?? "anonymous";
}
