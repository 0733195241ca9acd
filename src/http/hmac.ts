import { createHmac } from "node:crypto";
import type { Clock } from "../clock.ts";
import { TidemarkError } from "../errors.ts";
import { registerSecret } from "../secrets.ts";
import { compileStrictText, templateUses } from "../templates/template.ts";
import type { Envelope } from "./envelope.ts";
import type { HmacSettings } from "./hmac-schema.ts";

/** Adds the signature to a request, over what is sent and at the time that it is. */
export type Signer = (envelope: Envelope) => Envelope;

/** A signer of declared settings. Registers the secret. Throws `CONFIG_INCOHERENT` for a signed header that is not sent. */
export function createSigner(settings: HmacSettings, clock: Clock): Signer {
  const { algorithm, secret, keyEncoding, encoding, prefix, timestampHeader, timestampFormat } = settings;
  registerSecret(secret);
  const key = Buffer.from(secret, keyEncoding === "text" ? "utf8" : keyEncoding);
  const signed = compileStrictText(settings.sign, unchanged);
  const headerText =
    settings.headerText === undefined ? null : compileStrictText(settings.headerText, unchanged);
  const signedHeaders = templateUses(settings.sign)
    .filter(({ name }) => name.startsWith("header."))
    .map(({ name }) => name.slice("header.".length));
  return (envelope) => {
    const { url, method, body = "" } = envelope;
    const timestamp = timestampText(clock.now(), timestampFormat);
    const header = Object.fromEntries(signedHeaders.map((name) => [name, sentHeader(envelope, name)]));
    const parts = { body, method, path: url.pathname, query: url.search, host: url.host, timestamp, header };
    const signature = createHmac(algorithm, key).update(signed(parts), "utf8").digest(encoding);
    const headers = {
      ...envelope.headers,
      ...(timestampHeader === undefined ? {} : { [timestampHeader.toLowerCase()]: timestamp }),
      [settings.header.toLowerCase()]: headerText?.({ signature, timestamp }) ?? `${prefix}${signature}`,
    };
    return { ...envelope, headers };
  };
}

const unchanged = (text: string): string => text;

function timestampText(now: number, format: HmacSettings["timestampFormat"]): string {
  if (format === "iso8601") return new Date(now).toISOString();
  return String(format === "seconds" ? Math.floor(now / 1000) : Math.floor(now));
}

function sentHeader({ headers }: Envelope, name: string): string {
  const value = headers[name.toLowerCase()];
  if (value !== undefined) return value;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `\`authentication.sign\` names the header \`${name}\`, and the request has none`,
    { hint: "Declare it under `headers`, or leave it out of `sign`." },
  );
}
