import { isUtf8 } from "node:buffer";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { AttemptFailed } from "./retry.ts";

/** An answer that came whole and cannot be used; asking again would bring the same. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

type Decompress = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const gunzip: Decompress = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const inflate: Decompress = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate);
const inflateRaw: Decompress = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const unbrotli: Decompress = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);

/** Servers send `deflate` with and without the zlib header that the standard asks for. */
const hasZlibHeader = (bytes: Buffer): boolean => ((bytes[0] ?? 0) & 0x0f) === 8;

const decompressors: ReadonlyMap<string, Decompress> = new Map([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  [
    "deflate",
    (bytes, options) => (hasZlibHeader(bytes) ? inflate(bytes, options) : inflateRaw(bytes, options)),
  ],
  ["br", unbrotli],
]);

/** What a request may say that it accepts. */
export const acceptedEncodings = "gzip, deflate, br";

/**
 * The body with its `content-encoding` undone. Throws `AttemptFailed` where it is damaged or ends
 * early, `UnusableAnswer` where it grows past `maxBytes` or its encoding is unknown.
 */
export async function decompress(bytes: Buffer, contentEncoding: string, maxBytes: number): Promise<Buffer> {
  let body = bytes;
  for (const name of contentEncoding.toLowerCase().split(",").reverse()) {
    const encoding = name.trim();
    if (encoding === "" || encoding === "identity" || body.length === 0) continue;
    const step = decompressors.get(encoding);
    if (step === undefined) throw new UnusableAnswer(`its content encoding \`${encoding}\` is not known`);
    try {
      body = await step(body, { maxOutputLength: maxBytes });
    } catch (error) {
      if (isTooLarge(error)) throw tooLarge(maxBytes);
      throw new AttemptFailed("truncated", `its ${encoding} body is damaged or ends early`);
    }
  }
  return body;
}

export function tooLarge(maxBytes: number): UnusableAnswer {
  return new UnusableAnswer(
    `it is larger than ${maxBytes} bytes; ask for smaller pages or raise \`maxBodyBytes\``,
  );
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

/** A text, and whether bytes that are none in its character set had to be replaced. */
export interface DecodedText {
  readonly text: string;
  readonly damaged: boolean;
}

const charsetSyntax = /;\s*charset\s*=\s*"?([^\s";]+)/i;
const utf8 = new TextDecoder();

/** The body as text in the character set of its content type, UTF-8 where that names none. */
export function decodeText(bytes: Buffer, contentType: string): DecodedText {
  const charset = charsetSyntax.exec(contentType)?.[1]?.toLowerCase() ?? "utf-8";
  if (charset === "utf-8" || charset === "utf8") return { text: utf8.decode(bytes), damaged: !isUtf8(bytes) };
  try {
    return { text: new TextDecoder(charset).decode(bytes), damaged: false };
  } catch {
    throw new UnusableAnswer(`its character set \`${charset}\` is not known`);
  }
}
