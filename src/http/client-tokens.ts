import { z } from "zod";
import type { Clock } from "../clock.ts";
import { registerSecret, SecretSlot } from "../secrets.ts";
import { basicAuthorization } from "./basic-authorization.ts";
import { snippet } from "./failures.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import type { OAuth2Settings } from "./schema.ts";

/** A server's token may not be used in its last minute, nor in the last tenth of a short life. */
const marginMs = 60_000;
const marginShare = 0.1;

const tokenAnswerSchema = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
});

interface Token {
  readonly value: string;
  /** In the clock's elapsed milliseconds; without a declared life it is used until it is refused. */
  readonly usableUntil: number;
}

export interface ClientTokenParts {
  readonly clock: Clock;
  /** Makes a request without credentials, with retries; throws for every status but 2xx. */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  /** The error for an answer that holds no token. */
  readonly unusable: (url: URL, why: string) => Error;
}

/** Keeps one access token of the OAuth 2.0 client credentials grant. */
export interface ClientTokens {
  /**
   * A token that is still valid for a while. Concurrent callers share one token request; if the signal of the caller
   * that sent it aborts, another of them sends it again.
   */
  current(signal: AbortSignal): Promise<string>;
  /** Forgets this token, if it is the one that is kept, so that the next is a new one. */
  drop(token: string): void;
  /** Call when no token is needed any more. The last one stops being registered as a secret after newer ones. */
  close(): void;
}

/** Tokens of one client; registers its secret and every token as secrets. */
export function createClientTokens(settings: OAuth2Settings, parts: ClientTokenParts): ClientTokens {
  registerSecret(settings.clientSecret);
  const secret = new SecretSlot();
  let kept: Token | null = null;
  let asked: { readonly signal: AbortSignal; readonly token: Promise<Token> } | null = null;

  async function ask(signal: AbortSignal): Promise<Token> {
    try {
      kept = await requestToken(settings, parts, signal);
      secret.hold(kept.value);
      return kept;
    } finally {
      asked = null;
    }
  }

  return {
    async current(signal) {
      for (;;) {
        if (kept !== null && parts.clock.elapsed() < kept.usableUntil) return kept.value;
        asked ??= { signal, token: ask(signal) };
        const shared = asked;
        try {
          return (await shared.token).value;
        } catch (error) {
          // The caller that sent the shared request gave up; this one still needs a token.
          if (signal.aborted || !shared.signal.aborted) throw error;
        }
      }
    },
    drop(token) {
      if (kept?.value === token) kept = null;
    },
    close: () => secret.release(),
  };
}

async function requestToken(
  settings: OAuth2Settings,
  parts: ClientTokenParts,
  signal: AbortSignal,
): Promise<Token> {
  const url = new URL(settings.tokenUrl);
  const askedAt = parts.clock.elapsed();
  const answer = await parts.send({ method: "POST", url, ...tokenForm(settings), signal });
  const parsed = tokenAnswerSchema.safeParse(jsonOrNull(answer.text));
  if (!parsed.success) {
    throw parts.unusable(url, `the answer holds no \`access_token\`${reasonIn(answer.text)}`);
  }
  const { access_token: value, expires_in: lifeSeconds } = parsed.data;
  if (lifeSeconds === undefined) return { value, usableUntil: Number.POSITIVE_INFINITY };
  const lifeMs = lifeSeconds * 1000;
  return { value, usableUntil: askedAt + lifeMs - Math.min(marginMs, lifeMs * marginShare) };
}

/** The error fields of RFC 6749; no other part of such an answer is shown. */
const errorAnswerSchema = z.looseObject({ error: z.string(), error_description: z.string().optional() });

function reasonIn(text: string): string {
  const { data } = errorAnswerSchema.safeParse(jsonOrNull(text));
  if (data === undefined) return "";
  const { error, error_description: description } = data;
  return snippet(description === undefined ? error : `${error}: ${description}`);
}

function tokenForm(settings: OAuth2Settings): Pick<HttpRequest, "headers" | "body"> {
  const { clientId, clientSecret, scope, audience } = settings;
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (scope !== undefined) form.set("scope", scope);
  if (audience !== undefined) form.set("audience", audience);
  const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded" };
  if (settings.style === "basic") {
    headers.authorization = basicAuthorization(
      encodeURIComponent(clientId),
      encodeURIComponent(clientSecret),
    );
  } else {
    form.set("client_id", clientId);
    form.set("client_secret", clientSecret);
  }
  return { headers, body: form.toString() };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
