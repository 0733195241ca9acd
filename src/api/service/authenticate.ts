import type { Context } from "hono";
import type { Clock } from "../../clock.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import type { Scope } from "../contracts/routes.ts";
import { hashSecret, isSecretOf, parseKey } from "../keys/key-text.ts";
import { isOver, type KeyStore, recordOf } from "../keys/store.ts";
import type { KeyRow } from "../keys/tables.ts";
import { anybody, assertScope, type Principal } from "./access.ts";
import type { Env } from "./env.ts";
import type { ServiceLogger } from "./logger.ts";
import { type RateLimit, RateLimits } from "./rate-limits.ts";
import { Turns } from "./turns.ts";

export interface AuthenticationLimits {
  /** Requests by one key. */
  readonly perKey: RateLimit;
  /** Requests from one address whose key is unknown or no longer good. */
  readonly failures: RateLimit;
}

export const usualLimits: AuthenticationLimits = {
  perKey: { burst: 4000, perSecond: 2000 },
  failures: { burst: 50, perSecond: 0.5 },
};

const mostRemembered = 10_000;
const touchMilliseconds = 60_000;
/** The most concurrent lookups for addresses that have failed too often. */
const mostLimitedLookups = 2;
/** Compared with where there is no such key, so that this takes as long. */
const nobodysHash = hashSecret("");

/** Finds the principal of a request from its `Authorization`. */
export class Authenticator {
  readonly #keys: KeyStore | null;
  readonly #clock: Clock;
  readonly #logger: ServiceLogger;
  readonly #byKey: RateLimits;
  readonly #failures: RateLimits;
  /** When the use of each key was last stored, by its id. */
  readonly #touched = new Map<string, number>();
  readonly #limitedLookups = new Turns(mostLimitedLookups);

  constructor(keys: KeyStore | null, clock: Clock, logger: ServiceLogger, limits = usualLimits) {
    this.#keys = keys;
    this.#clock = clock;
    this.#logger = logger;
    this.#byKey = new RateLimits(clock, limits.perKey);
    this.#failures = new RateLimits(clock, limits.failures);
  }

  /**
   * Throws `UNAUTHORIZED`, and `RATE_LIMITED` with the seconds to wait as `details.retry_after_seconds`. An address
   * that has failed too often is rejected, except with a valid key, so that others who share the address are not locked
   * out. Keys cannot be guessed, so the lookup reveals nothing; the number of concurrent lookups is limited.
   */
  async principal(authorization: string | undefined, address: string): Promise<Principal> {
    if (this.#keys === null) return anybody;
    const presented = bearer(authorization);
    // A request without a key is not an attempt to guess one.
    if (presented === null) throw new TidemarkError("UNAUTHORIZED", "no API key is given");
    const text = parseKey(presented);
    if (text === null) throw this.#failed(address, noKey);
    const row = await this.#found(this.#keys, text.id, address);
    const right = isSecretOf(text.secret, row?.hash ?? nobodysHash);
    if (row === null || !right) throw this.#failed(address, noKey);
    if (isOver(row, this.#clock.now())) {
      const how =
        row.revokedAtUtc === null ? `expired ${row.expiresAtUtc}` : `was revoked ${row.revokedAtUtc}`;
      throw this.#failed(address, `${row.id} ${how}`);
    }
    const wait = this.#byKey.take(row.id);
    if (wait > 0) throw limited(`${row.id} has made too many requests`, wait);
    this.#used(this.#keys, row);
    return { id: row.id, scope: row.scope, connectors: row.connectors, key: recordOf(row) };
  }

  /** Admits a request to what needs a scope. Throws as `principal` does, and `FORBIDDEN`. */
  async admit(context: Context<Env>, needed: Scope): Promise<Principal> {
    const address = context.env?.incoming?.socket.remoteAddress ?? "";
    const principal = await this.principal(context.req.header("authorization"), address);
    context.set("principal", principal);
    assertScope(principal, needed);
    return principal;
  }

  /** Keys from an address that fails are looked up a few at a time, so that others find the database free. */
  #found(keys: KeyStore, id: string, address: string): Promise<KeyRow | null> {
    const isLimited = this.#failures.wait(networkOf(address)) > 0;
    return isLimited ? this.#limitedLookups.take(() => keys.find(id)) : keys.find(id);
  }

  #failed(address: string, why: string): TidemarkError {
    const wait = this.#failures.take(networkOf(address));
    if (wait > 0) return limited("too many attempts from this address have failed", wait);
    return new TidemarkError("UNAUTHORIZED", why);
  }

  #used(keys: KeyStore, row: KeyRow): void {
    const now = this.#clock.elapsed();
    const touched = this.#touched.get(row.id) ?? Number.NEGATIVE_INFINITY;
    const due = now - touched >= touchMilliseconds;
    this.#touched.delete(row.id);
    this.#touched.set(row.id, due ? now : touched);
    if (this.#touched.size > mostRemembered) {
      const oldest = this.#touched.keys().next();
      if (oldest.done !== true) this.#touched.delete(oldest.value);
    }
    if (!due) return;
    keys.touch(row.id).catch((error: unknown) => {
      this.#logger.warn({ key: row.id, error: messageOf(error) }, "the time of a key's use was not stored");
    });
  }
}

const noKey = "the API key is not known";

function bearer(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? null;
}

function limited(why: string, seconds: number): TidemarkError {
  return new TidemarkError("RATE_LIMITED", why, {
    hint: `Try again in ${seconds} s.`,
    details: { retry_after_seconds: seconds },
  });
}

/** Of IPv6, a subscriber has a whole network of addresses. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].slice(0, 4).join(":");
}
