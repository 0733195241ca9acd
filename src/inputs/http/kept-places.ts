import type { Warn } from "../../engine/ports.ts";
import { isSecretName } from "../../http/address.ts";
import type { ResumePoint } from "../../model/position.ts";
import { holdsSecret } from "../../secrets.ts";
import { secretParameters } from "./request.ts";
import type { HttpPollingConfig } from "./schema.ts";

/**
 * Converts the places of one read to a form that may be stored. A source may repeat a credential in the link or token
 * that leads to its next page (promise P14). A credential that the pipeline declares is replaced, and put back when a
 * run resumes there; a place with any other secret is not stored.
 */
export class KeptPlaces {
  readonly #secrets: DeclaredSecrets;
  readonly #warn: Warn;
  /** The kind of the last place, if it was not stored. */
  #withheld: ResumePoint["kind"] | null = null;
  #hasOpened = false;

  constructor(config: HttpPollingConfig, warn: Warn) {
    this.#secrets = declaredSecrets(config);
    this.#warn = warn;
  }

  /** The place, with its bounds; a link contains them. Null where it must not be stored. */
  kept(place: ResumePoint, bounds: Readonly<Record<string, string>>): ResumePoint | null {
    const isWhole = place.kind === "link" || Object.keys(bounds).length === 0;
    const sealed = sealedPlace(isWhole ? place : { ...place, bounds }, this.#secrets);
    this.#withheld = sealed === null ? place.kind : null;
    return sealed;
  }

  /** Call when a read ends before its window is finished. */
  warnOfWithheld(): void {
    if (this.#withheld === null) return;
    this.#warn(
      "RESUME_WITHHELD",
      `the ${this.#withheld} of the next page holds a secret in a form of the source's own, so it is not kept; the next run reads the window from its start`,
    );
  }

  /** A stored place in the source's form; null where a credential in it is no longer declared. */
  opened(place: ResumePoint): ResumePoint | null {
    this.#hasOpened = place.sealed === true;
    return openedPlace(place, this.#secrets);
  }

  /**
   * Whether the status may be caused by the credential in the place, which may have changed since the source returned
   * it.
   */
  refusesCredential(status: unknown): boolean {
    return this.#hasOpened && typeof status === "number" && aboutCredentials.has(status);
  }
}

const aboutCredentials: ReadonlySet<number> = new Set([400, 401, 403, 404, 410, 422]);

/** Declared credentials by where the pipeline declares them. */
type DeclaredSecrets = ReadonlyMap<string, string>;

/** Shorter values may occur in a place by chance, and must not be replaced. */
const shortest = 8;

/** The encodings in which a credential may occur, so that it is put back exactly. */
const encodings: ReadonlyMap<string, (value: string) => string> = new Map([
  ["plain", (value: string) => value],
  ["percent", encodeURIComponent],
  ["percent-small", (value) => encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase())],
  ["form", formText],
  ["base64", base64],
  ["base64url", (value) => Buffer.from(value).toString("base64url")],
  ["base64-percent", (value) => encodeURIComponent(base64(value))],
]);

function formText(value: string): string {
  return new URLSearchParams([["", value]]).toString().slice(1);
}

function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}

/** The credentials that a pipeline declares for a source. */
function declaredSecrets(config: HttpPollingConfig): DeclaredSecrets {
  const { authentication, headers } = config;
  const secrets = new Map<string, string>();
  const add = (name: string, value: string): void => {
    if (value.length >= shortest) secrets.set(name, value.toWellFormed());
  };
  if (authentication?.type === "apiKey") add("authentication.value", authentication.value);
  if (authentication?.type === "bearer") add("authentication.token", authentication.token);
  if (authentication?.type === "oauth2ClientCredentials")
    add("authentication.clientSecret", authentication.clientSecret);
  if (authentication?.type === "basic") {
    add("authentication.password", authentication.password);
    if (authentication.password === "") add("authentication.username", authentication.username);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (isSecretName(name)) add(`headers.${name}`, String(value).replace(/^\S+\s+(?=\S+$)/, ""));
  }
  for (const [name, values] of secretParameters(config)) {
    for (const [at, value] of values.entries()) add(`queryParams.${name}[${at}]`, value);
  }
  return secrets;
}

/** The place in its stored form; null where it holds a secret that cannot be put back. */
function sealedPlace(place: ResumePoint, secrets: DeclaredSecrets): ResumePoint | null {
  if (!holdsAny(place)) return place;
  let token = place.token;
  for (const { text, mark } of marksOf(secrets)) token = token.replaceAll(text, () => mark);
  const sealed = { ...place, token, sealed: true as const };
  const isWhole = openedPlace(sealed, secrets)?.token === place.token;
  return isWhole && !holdsAny(sealed) ? sealed : null;
}

/** The place as the source gave it; null where a credential is no longer declared. */
function openedPlace(kept: ResumePoint, secrets: DeclaredSecrets): ResumePoint | null {
  if (kept.sealed !== true) return kept;
  let token = kept.token;
  for (const { text, mark } of marksOf(secrets)) token = token.replaceAll(mark, () => text);
  if (token.includes(opening)) return null;
  const { sealed: _, ...place } = kept;
  return { ...place, token };
}

function holdsAny({ token, bounds = {} }: ResumePoint): boolean {
  return [token, ...Object.values(bounds)].some(holdsSecret);
}

const opening = "{{secret ";

interface Mark {
  readonly text: string;
  readonly mark: string;
}

/** Longest first: one text may hold another. */
function marksOf(secrets: DeclaredSecrets): Mark[] {
  return [...secrets]
    .flatMap(([name, value]) =>
      [...encodings].map(([form, encode]) => ({ text: encode(value), mark: `${opening}${name} ${form}}}` })),
    )
    .sort((a, b) => b.text.length - a.text.length);
}
