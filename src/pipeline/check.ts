import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TidemarkError } from "../errors.ts";
import { settingError } from "../findings.ts";
import { utf8Text } from "../utf8.ts";
import { checkDocument } from "./check-document.ts";
import { byPlace, type Diagnostic } from "./diagnostics.ts";
import { diagnosticAt, type FileCheck, type LoadOptions } from "./file-check.ts";
import { sharedThings } from "./shared-targets.ts";
import { readDocuments } from "./source.ts";
import type { LoadedPipeline } from "./streams/stream-set.ts";

export type { FileCheck, LoadOptions } from "./file-check.ts";
export type { LoadedPipeline, LoadedSet } from "./streams/stream-set.ts";

/** What files hold: the pipelines that can run, and all that was found, in the order of the files. */
export interface Checked {
  readonly pipelines: readonly LoadedPipeline[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The pipeline files that a path means: itself, or every .yaml and .yml file in a folder. */
export async function pipelineFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw notRead(path, cause, `no pipeline file is at ${path}`);
  });
  if (!found.isDirectory()) return [path];
  const all = await readdir(path).catch((cause: unknown) => {
    throw notRead(path, cause);
  });
  const names = all.filter((name) => /\.ya?ml$/i.test(name)).sort();
  if (names.length > 0) return names.map((name) => join(path, name));
  throw new TidemarkError("PIPELINE_NOT_FOUND", `the folder ${path} holds no .yaml or .yml file`);
}

/** Reads and checks pipeline files in full; only a file that cannot be read makes it throw. */
export async function checkFiles(files: readonly string[], options: LoadOptions): Promise<Checked> {
  const checks: FileCheck[] = [];
  for (const file of files) checks.push(...(await checkFile(file, options)));
  return checkedTogether(checks);
}

/** Combines the checks of single files: no two may claim one stream or one exclusive output. */
export function checkedTogether(checks: readonly FileCheck[]): Checked {
  const findings = [...checks.flatMap(({ diagnostics }) => diagnostics), ...sharedThings(checks)];
  const broken = new Set(findings.filter(({ severity }) => severity === "error").map(({ file }) => file));
  return {
    pipelines: checks
      .filter(({ file }) => !broken.has(file))
      .flatMap(({ streams }) => streams.flatMap(({ pipeline }) => pipeline ?? [])),
    diagnostics: findings.toSorted(byPlace),
  };
}

/** Reads and checks one file by itself. Throws where it cannot be read. */
export async function checkFile(file: string, options: LoadOptions): Promise<FileCheck[]> {
  const text = utf8Text(await readBytes(file));
  if (text === null) return [unreadableFile(file, "YAML_INVALID", "the file is no text in UTF-8")];
  const environment = { ...(options.env ?? process.env), ...options.params };
  const documents = readDocuments(text, environment);
  if (documents.length === 0) return [unreadableFile(file, "KEY_MISSING", "the file holds no pipeline")];
  return Promise.all(documents.map((document) => checkDocument(file, document, options)));
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw notRead(file, cause);
  }
}

/** `missing`: the message where there is no such file. */
function notRead(path: string, cause: unknown, missing = `there is no file ${path}`): TidemarkError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new TidemarkError("PIPELINE_NOT_FOUND", missing, { cause });
  }
  return new TidemarkError("PIPELINE_NOT_FOUND", `${path} cannot be read: ${messageOf(cause)}`, {
    cause,
    hint: "Let the user that Tidemark runs as read the file and its folder.",
  });
}

/** A file without a document that can be read. */
function unreadableFile(file: string, code: "KEY_MISSING" | "YAML_INVALID", message: string): FileCheck {
  const finding = settingError(code, [], message);
  return { file, streams: [], diagnostics: [diagnosticAt(file, { ...finding, line: 1, column: 1 })] };
}
