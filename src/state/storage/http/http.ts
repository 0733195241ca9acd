import { type Clock, systemClock } from "../../../clock.ts";
import { version } from "../../../version.ts";
import type { StateStore } from "../../contract.ts";
import type { LeaseOwner } from "../../owner.ts";
import { parseServiceAddress, usableKey } from "./address.ts";
import { ServiceConnection } from "./connection.ts";
import { isDeadHere } from "./lease-owners.ts";
import { ServiceClient } from "./service-client.ts";
import { HttpStateStore } from "./store.ts";

export interface HttpStateOptions {
  /** The API key; none where the service runs without. */
  readonly key?: string | undefined;
  /** Where the key came from, for messages: `TIDEMARK_KEY`. */
  readonly keyFrom?: string;
  /** Called with a message when the service cannot be used and calls begin to be retried. */
  readonly onOutage?: (message: string) => void;
  /** For how long a call is retried while the service cannot be reached, in milliseconds. Default: 30,000. */
  readonly retryForMs?: number;
  /** How long to wait for an answer, in milliseconds. Default: 20,000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  /** A number from 0 to 1, below 1. */
  readonly random?: () => number;
  /** Whether the process that holds a lease is known to have ended. Default: checks processes of this machine. */
  readonly isDead?: (owner: LeaseOwner) => boolean;
}

/**
 * State in a Tidemark service, by its address: for workers that share no database and no disk. No
 * connection is made before the first call. A call is made again, with growing pauses, while the
 * service restarts or is busy, and ends with `STATE_UNAVAILABLE` at the latest after `retryForMs` and
 * one `timeoutMs` more.
 *
 * Throws `STATE_URL_INVALID`, `ARGUMENT_INVALID` for a key that cannot be sent. Its calls throw, besides
 * what every store's do, `UNAUTHORIZED`, `FORBIDDEN`, `RATE_LIMITED`, `BODY_TOO_LARGE`, and
 * `SERVICE_INCOMPATIBLE` for a service of another version.
 *
 * ```ts
 * await using state = await openHttpState("https://tidemark.example.com", { key });
 * ```
 */
export function openHttpState(url: string, options: HttpStateOptions = {}): StateStore {
  return new HttpStateStore(openServiceClient(url, options), options.isDead ?? isDeadHere);
}

/** A client for the service's routes that are not about state. Throws as `openHttpState` does. */
export function openServiceClient(url: string, options: HttpStateOptions): ServiceClient {
  const { keyFrom = "the option `key`", clock = systemClock, random = Math.random } = options;
  const address = parseServiceAddress(url);
  const key = usableKey(options.key, keyFrom);
  const connection = new ServiceConnection({
    address,
    headers: {
      accept: "application/json, application/problem+json",
      "user-agent": `tidemark/${version()}`,
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    },
    clock,
    random,
    retryForMs: options.retryForMs ?? 30_000,
    timeoutMs: options.timeoutMs ?? 20_000,
    onOutage: options.onOutage ?? (() => {}),
  });
  const context = { service: address.shown, keyFrom: key === null ? null : keyFrom };
  return new ServiceClient(connection, context);
}
