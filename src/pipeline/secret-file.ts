import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { messageOf } from "../errors.ts";
import { utf8Text } from "../utf8.ts";

const mostBytes = 65_536;

/** The content of a file named as `${file:PATH}`, without the line break at its end; or why it cannot be used. */
export function readSecretFile(path: string): { readonly value: string } | { readonly problem: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return { problem: messageOf(error) };
  }
  if (bytes.length > mostBytes) return { problem: `it has more than ${mostBytes} bytes` };
  const value = utf8Text(bytes)?.replace(/\r?\n$/, "");
  if (value === undefined) return { problem: "it is no UTF-8 text" };
  return value === "" ? { problem: "it is empty" } : { value };
}

/** A text that changes when one of the files that a pipeline file names does. It holds no secret. */
export function fingerprintOfFiles(text: string): string {
  const paths = new Set([...text.matchAll(/\$\{file:([^}]+)\}/g)].map(([, path = ""]) => path));
  return [...paths].map((path) => `${path} ${hashOf(path)}`).join("\n");
}

function hashOf(path: string): string {
  const read = readSecretFile(path);
  return "value" in read ? hash("sha256", read.value, "hex") : read.problem;
}
