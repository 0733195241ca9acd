import { isUtf8 } from "node:buffer";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { charsetOf } from "./charset.ts";
import { AttemptFailed } from "./retry.ts";

/** A complete answer that cannot be used; a retry would return the same. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
  /** Whether it is only too large, so that an answer to less might be read. */
  readonly isTooLarge: boolean;
  readonly hint: string | undefined;
  /** Whether a later run may be able to use it. */
  readonly recoverable: boolean;

  constructor(message: string, options: { isTooLarge?: boolean; hint?: string; recoverable?: boolean } = {}) {
    super(message);
    this.isTooLarge = options.isTooLarge ?? false;
    this.hint = options.hint;
    this.recoverable = options.recoverable ?? false;
  }
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

/** Each layer may grow to the most bytes anew, so there must be few. */
const mostEncodings = 5;

/** What servers write into `Content-Encoding` although nothing is compressed. */
const notCompressed: ReadonlySet<string> = new Set([
  "",
  "identity",
  "none",
  "null",
  "plain",
  "text",
  "binary",
  "7bit",
  "8bit",
  "ascii",
  "us-ascii",
  "utf-8",
  "utf8",
  "iso-8859-1",
  "json",
  "application/json",
  "chunked",
  "aws-chunked",
]);

/** Whether bytes are the beginning of JSON text and UTF-8 throughout: no compression makes such. */
function isJsonText(bytes: Buffer): boolean {
  const first = bytes.subarray(0, 64).toString("latin1").trimStart()[0];
  return (first === "{" || first === "[") && isUtf8(bytes);
}

/** What a request may say that it accepts. */
export const acceptedEncodings = "gzip, deflate, br";

/**
 * The body with its `content-encoding` undone. Throws `AttemptFailed` where it is damaged or ends
 * early, `UnusableAnswer` where it grows past `maxBytes` or its encoding is unknown.
 */
export async function decompress(bytes: Buffer, contentEncoding: string, maxBytes: number): Promise<Buffer> {
  let body = bytes;
  const names = contentEncoding.toLowerCase().split(",");
  if (names.length > mostEncodings) {
    throw new UnusableAnswer(`it is encoded ${names.length} times; at most ${mostEncodings} are undone`);
  }
  for (const name of names.reverse()) {
    const encoding = name.trim();
    if (notCompressed.has(encoding) || body.length === 0) continue;
    const step = decompressors.get(encoding);
    if (step === undefined) {
      if (isJsonText(body)) continue;
      throw new UnusableAnswer(`its content encoding \`${encoding}\` is not known`);
    }
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
    { isTooLarge: true },
  );
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

/** Why the bytes of an answer cannot be decoded, with a hint. */
export interface TextProblem {
  readonly message: string;
  readonly hint: string;
}

export interface DecodedText {
  /** With replacement characters where there is a problem. */
  readonly text: string;
  /** Null where every byte was decoded. */
  readonly problem: TextProblem | null;
}

const charsetSyntax = /;\s*charset\s*=\s*["']?([^\s"';]+)/i;
const utf8 = new TextDecoder();

/** Servers put these labels on whatever they send, so bytes that are whole UTF-8 are UTF-8 all the same. */
const unreliable: ReadonlySet<string> = new Set(["utf-8", "windows-1252", "iso-8859-15"]);

/**
 * The body as text: in the character set that is `declared`, else in that of its content type, else in
 * UTF-8. JSON that is whole UTF-8 is read as such also where the label is unknown or a Latin one.
 */
export function decodeText(bytes: Buffer, contentType: string, declared?: string): DecodedText {
  const label = declared ?? utf16Of(bytes) ?? charsetSyntax.exec(contentType)?.[1];
  const charset = label === undefined ? "utf-8" : charsetOf(label);
  if ((charset === null || unreliable.has(charset)) && isUtf8(bytes))
    return { text: utf8.decode(bytes), problem: null };
  if (charset === null || charset === "utf-8")
    return { text: utf8.decode(bytes), problem: problemOf(bytes, label) };
  try {
    return { text: new TextDecoder(charset, { fatal: true }).decode(bytes), problem: null };
  } catch {
    return { text: new TextDecoder(charset).decode(bytes), problem: problemOf(bytes, label) };
  }
}

/** The character set of a byte order mark, except UTF-8. */
function utf16Of(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
}

function problemOf(bytes: Buffer, label: string | undefined): TextProblem {
  const data = binaryKinds.find(([, start]) => bytes.subarray(0, start.length).equals(start));
  if (data !== undefined) {
    return {
      message: `it is ${data[0]} data and not text`,
      hint: "Ask the source for plain JSON: files and compressed payloads are not read.",
    };
  }
  const says =
    label === undefined
      ? "and names no other character set"
      : `and says that it is \`${label.slice(0, 40)}\``;
  return {
    message: `its text is not UTF-8, ${says}`,
    hint: "Declare the character set that the source writes, for example `encoding: windows-1252` for western Europe.",
  };
}

/** The first bytes of what is sent in place of text. */
const binaryKinds: readonly (readonly [name: string, start: Buffer])[] = [
  ["gzip", Buffer.from([0x1f, 0x8b])],
  ["zip", Buffer.from("PK\u0003\u0004", "latin1")],
  ["zstd", Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ["bzip2", Buffer.from("BZh", "latin1")],
  ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a])],
  ["PDF", Buffer.from("%PDF", "latin1")],
  ["Parquet", Buffer.from("PAR1", "latin1")],
  ["PNG", Buffer.from([0x89, 0x50, 0x4e, 0x47])],
];
