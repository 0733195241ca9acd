import { registerSecret } from "../secrets.ts";
import { registerParameterSecret, withoutParameters, withParameters } from "./address.ts";
import { basicAuthorization } from "./basic-authorization.ts";
import { type ClientTokenParts, createClientTokens } from "./client-tokens.ts";
import type { Envelope } from "./envelope.ts";
import { createSigner } from "./hmac.ts";
import type { Authentication, OAuth2Settings } from "./schema.ts";

/** Adds credentials to requests. */
export interface Authenticator {
  /** The request with credentials. May call a token server first, and throws that call's error. */
  sign(envelope: Envelope, signal: AbortSignal): Promise<Envelope>;
  /** Called after a signed request was answered with 401. Returns true if signing again gives other credentials. */
  renew(refused: Envelope): boolean;
  /** The address without what `sign` adds to it, so that it can be kept or shown. */
  strip(url: URL): URL;
  /** Call when no further request is signed. */
  close(): void;
}

/** The authenticator of declared settings. Registers every secret in them (promise P14). */
export function createAuthenticator(
  authentication: Authentication | undefined,
  parts: ClientTokenParts,
): Authenticator {
  switch (authentication?.type) {
    case undefined:
      return fixed((envelope) => envelope);
    case "apiKey":
      registerSecret(authentication.value);
      return authentication.in === "header"
        ? fixedHeader(authentication.name.toLowerCase(), authentication.value)
        : fixedParameter(authentication.name, authentication.value);
    case "bearer":
      registerSecret(authentication.token);
      return fixedHeader("authorization", `Bearer ${authentication.token}`);
    case "basic":
      // Some APIs take a key in the place of the name, and no password.
      if (authentication.password === "") registerSecret(authentication.username);
      return fixedHeader(
        "authorization",
        basicAuthorization(authentication.username, authentication.password),
      );
    case "oauth2ClientCredentials":
      return tokenHeader(authentication, parts);
    case "hmac":
      return fixed(createSigner(authentication, parts.clock));
  }
}

function fixed(add: (envelope: Envelope) => Envelope, strip = (url: URL): URL => url): Authenticator {
  return { sign: async (envelope) => add(envelope), renew: () => false, strip, close() {} };
}

function fixedHeader(name: string, value: string): Authenticator {
  return fixed((envelope) => withHeader(envelope, name, value));
}

function fixedParameter(name: string, value: string): Authenticator {
  registerParameterSecret(value);
  return fixed(
    (envelope) => ({ ...envelope, url: withParameters(envelope.url, new Map([[name, value]])) }),
    (url) => withoutParameters(url, [name]),
  );
}

function tokenHeader(settings: OAuth2Settings, parts: ClientTokenParts): Authenticator {
  const tokens = createClientTokens(settings, parts);
  return {
    async sign(envelope, signal) {
      return withHeader(envelope, "authorization", `Bearer ${await tokens.current(signal)}`);
    },
    renew({ headers }) {
      tokens.drop(headers.authorization?.slice("Bearer ".length) ?? "");
      return true;
    },
    strip: (url) => url,
    close: () => tokens.close(),
  };
}

function withHeader(envelope: Envelope, name: string, value: string): Envelope {
  return { ...envelope, headers: { ...envelope.headers, [name]: value } };
}
