import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../../src/errors.ts";
import { JsonError, parseJson, stringifyJson } from "../../src/model/json.ts";
import { privateMode } from "../../src/private-files.ts";

/** Stands for the source's address in what is stored, and for the replay server's own when it is played. */
export const originPlaceholder = "{{origin}}";

const pairs = z.array(z.tuple([z.string(), z.string()]));
const headers = z.record(z.string(), z.string());

const requestSchema = z.strictObject({
  method: z.string(),
  path: z.string(),
  query: pairs,
  headers: headers.default({}),
  body: z.string().nullable().default(null),
});

/** One of three forms of a body: JSON where that keeps it to the letter, else text, else bytes in base64. */
const responseSchema = z.strictObject({
  status: z.int().min(100).max(599),
  headers: headers.default({}),
  json: z.unknown().optional(),
  text: z.string().optional(),
  base64: z.base64().optional(),
});

const exchangeSchema = z.strictObject({
  format: z.literal(1),
  request: requestSchema,
  response: responseSchema,
});

/** A request as a recording has it: nothing of it is a secret. */
export type RecordedRequest = z.infer<typeof requestSchema>;
export type RecordedResponse = z.infer<typeof responseSchema>;

/** One request and its answer. A recording is a folder of them, each a file, played in the order of their names. */
export type RecordedExchange = z.infer<typeof exchangeSchema>;

/** An exchange and the name of its file. */
export interface NamedExchange extends RecordedExchange {
  readonly file: string;
}

/**
 * Reads a recording. Throws `ARGUMENT_INVALID` for a folder that holds none, and for a file that is no
 * exchange, naming the file and the place in it.
 */
export function readRecording(folder: string): readonly NamedExchange[] {
  const files = recordedFiles(folder);
  if (files.length === 0) {
    throw new TidemarkError("ARGUMENT_INVALID", `${folder} holds no recording`, {
      hint: "Record one with `recordSource`, or write its files by hand.",
    });
  }
  return files.map((file) => ({ file, ...readExchange(join(folder, file)) }));
}

function readExchange(path: string): RecordedExchange {
  try {
    return exchangeSchema.parse(parseJson(readFileSync(path, "utf8")));
  } catch (error) {
    if (error instanceof z.ZodError) throw notAnExchange(path, z.prettifyError(error));
    if (error instanceof JsonError) throw notAnExchange(path, error.message);
    throw error;
  }
}

function notAnExchange(path: string, why: string): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", `${path} is no recorded exchange: ${why}`);
}

/** The names of a folder's exchanges, in order; none where there is no such folder. */
export function recordedFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith(".json"))
      .sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Writes one exchange to a file of its own, named by its number, its method and its path. */
export function writeExchange(folder: string, number: number, exchange: RecordedExchange): string {
  const { method, path } = exchange.request;
  const name = path.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  const file = `${[String(number).padStart(4, "0"), method, name.slice(0, 60)].filter((word) => word !== "").join("-")}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), `${JSON.stringify(exchange, null, 2)}\n`, { mode: privateMode });
  return file;
}

/** How a body is stored; `text` is null for bytes that are none. */
export function storedBody(text: string | null, bytes: Buffer): Omit<RecordedResponse, "status" | "headers"> {
  if (text === null) return { base64: bytes.toString("base64") };
  try {
    const json = parseJson(text);
    if (stringifyJson(json) === withoutSpace(text)) return { json };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
  }
  return { text };
}

/** JSON without the white space between its words. */
function withoutSpace(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
}

/** The bytes of a stored body, with the address of whoever plays it. */
export function bodyOf(response: RecordedResponse, origin: string): Buffer {
  if (response.base64 !== undefined) return Buffer.from(response.base64, "base64");
  const text = response.text ?? (response.json === undefined ? "" : stringifyJson(response.json));
  return Buffer.from(text.replaceAll(originPlaceholder, origin));
}
