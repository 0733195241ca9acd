import { readFile, stat } from "node:fs/promises";
import { isTidemarkError, messageOf } from "../errors.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import {
  checkedTogether,
  checkFile,
  type FileCheck,
  type LoadedPipeline,
  type LoadOptions,
  pipelineFiles,
} from "../pipeline/check.ts";
import { byPlace, type Diagnostic } from "../pipeline/diagnostics.ts";
import { fingerprintOfFiles } from "../pipeline/secret-file.ts";

/** The change of a pipeline file since the last check. */
export interface FileChange {
  readonly file: string;
  /**
   * `broken`: it has errors, and what it held before stays as it was. `removed`: it is no longer
   * there, or no longer there to be read.
   */
  readonly kind: "added" | "changed" | "broken" | "removed";
  /** Its errors and warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

interface Known {
  /** What the file holds, and a stamp that shows whether the secret files that it names have changed. */
  readonly text: string;
  /** The result of checking the file by itself. */
  readonly checks: readonly FileCheck[];
  /** Its pipelines to run: for a file with errors, those of its last valid version. */
  readonly pipelines: readonly LoadedPipeline[];
  readonly diagnostics: readonly Diagnostic[];
  readonly broken: boolean;
}

/** A file as it was last read, with what the system says of its last change. */
interface Seen {
  readonly stamp: string;
  readonly text: string;
  /** How many looks in a row have read it under this stamp. */
  readonly reads: number;
}

/** Two changes in quick succession may have one stamp: clocks of file systems are coarse. */
const enoughReads = 3;

/**
 * The pipelines of files and folders as they are now, and as they change. If a file gets errors, its old pipelines stay
 * in place, and other files are not affected.
 *
 * ```ts
 * const files = new PipelineFiles(["pipelines/"], {});
 * for (const { file, kind } of await files.refresh()) console.log(file, kind);
 * scheduler.assign(files.pipelines);
 * ```
 */
export class PipelineFiles {
  readonly #paths: readonly string[];
  readonly #options: LoadOptions;
  #known: ReadonlyMap<string, Known> = new Map();
  readonly #seen = new Map<string, Seen>();

  constructor(paths: readonly string[], options: LoadOptions) {
    this.#paths = paths;
    this.#options = options;
  }

  get pipelines(): readonly LoadedPipeline[] {
    return [...this.#known.values()].flatMap(({ pipelines }) => pipelines);
  }

  /** Checks everything again; returns the changes, or an empty list. */
  async refresh(): Promise<readonly FileChange[]> {
    const texts = await this.#read();
    const settled = [...texts].filter(([file, text]) => {
      const known = this.#known.get(file);
      return known !== undefined && known.text === text && !known.broken;
    });
    const removed = [...this.#known.keys()].filter((file) => !texts.has(file));
    if (settled.length === texts.size && removed.length === 0) return [];
    if (removed.length === 0 && (await this.#isAsBroken(texts))) return [];
    const untouched = new Set(settled.map(([file]) => file));
    const unsettled = [...texts.keys()].filter((file) => !untouched.has(file));
    const next = await this.#check(
      settled.map(([file]) => file),
      unsettled,
      texts,
    );
    const changes = this.#changes(next, removed);
    this.#known = next;
    return changes;
  }

  /**
   * Whether no file has changed, and those that are broken are so in the same way: a script that was missing
   * may have come since.
   */
  async #isAsBroken(texts: ReadonlyMap<string, string>): Promise<boolean> {
    for (const [file, text] of texts) if (this.#known.get(file)?.text !== text) return false;
    for (const [file, { broken, checks }] of this.#known) {
      if (broken && fingerprint(await checkFile(file, this.#options)) !== fingerprint(checks)) return false;
    }
    return true;
  }

  /** A file that several looks found as it was is not read again before its stamp changes. */
  async #textOf(file: string): Promise<string | null> {
    const stamp = await stampOf(file);
    const seen = this.#seen.get(file);
    const isSame = stamp !== null && seen?.stamp === stamp;
    if (isSame && seen.reads >= enoughReads) return seen.text;
    const text = stamp === null ? null : await readFile(file, "utf8").catch(() => null);
    if (stamp === null || text === null) this.#seen.delete(file);
    else this.#seen.set(file, { stamp, text, reads: isSame ? seen.reads + 1 : 1 });
    return text;
  }

  async #read(): Promise<Map<string, string>> {
    const texts = new Map<string, string>();
    for (const path of this.#paths) {
      for (const file of await filesAt(path)) {
        const text = await this.#textOf(file);
        if (text !== null) texts.set(file, `${text}\n${fingerprintOfFiles(text)}`);
      }
    }
    return texts;
  }

  /** Unchanged files come first, so that of two that claim one stream the new one is refused. */
  async #check(
    settled: readonly string[],
    unsettled: readonly string[],
    texts: ReadonlyMap<string, string>,
  ): Promise<Map<string, Known>> {
    const checks = new Map<string, readonly FileCheck[]>();
    // What has not changed was checked before; only what files claim of each other is looked at again.
    for (const file of settled) checks.set(file, this.#known.get(file)?.checks ?? []);
    for (const file of unsettled) checks.set(file, await checkFile(file, this.#options));
    const { pipelines, diagnostics } = checkedTogether([...checks.values()].flat());
    const next = new Map<string, Known>();
    for (const file of settled) {
      const known = this.#known.get(file);
      if (known !== undefined) next.set(file, known);
    }
    const held = new Set(this.#keptKeys(settled, unsettled, diagnostics));
    for (const file of unsettled) {
      const before = this.#known.get(file)?.pipelines ?? [];
      const found = diagnostics.filter((diagnostic) => diagnostic.file === file);
      const own = pipelines.filter((pipeline) => pipeline.file === file);
      found.push(...own.flatMap((pipeline) => clash(pipeline, before, held)));
      const broken = found.some(({ severity }) => severity === "error");
      next.set(file, {
        text: texts.get(file) ?? "",
        checks: checks.get(file) ?? [],
        pipelines: broken ? before : own,
        diagnostics: found.toSorted(byPlace),
        broken,
      });
    }
    return next;
  }

  /** The streams of files whose newer versions are broken, which go on as they were. */
  #keptKeys(
    settled: readonly string[],
    unsettled: readonly string[],
    diagnostics: readonly Diagnostic[],
  ): string[] {
    const broken = new Set(
      diagnostics.filter(({ severity }) => severity === "error").map(({ file }) => file),
    );
    const kept = [...settled, ...unsettled.filter((file) => broken.has(file))];
    return kept.flatMap((file) =>
      (this.#known.get(file)?.pipelines ?? []).map(({ key }) => formatStreamKey(key)),
    );
  }

  /** The same errors of a file are not reported again. */
  #changes(next: ReadonlyMap<string, Known>, removed: readonly string[]): FileChange[] {
    const changes: FileChange[] = removed.map((file) => ({ file, kind: "removed", diagnostics: [] }));
    for (const [file, { diagnostics, broken, text }] of next) {
      const before = this.#known.get(file);
      if (before === next.get(file)) continue;
      const isSame = before?.text === text && before.broken === broken;
      if (isSame && JSON.stringify(before.diagnostics) === JSON.stringify(diagnostics)) continue;
      const kind = broken ? "broken" : before === undefined ? "added" : "changed";
      changes.push({ file, kind, diagnostics });
    }
    return changes;
  }
}

/** Changes whenever a file does; null where it cannot be looked at. */
async function stampOf(file: string): Promise<string | null> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found === null ? null : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(" ");
}

/** A path that leads nowhere now may lead somewhere later. */
async function filesAt(path: string): Promise<readonly string[]> {
  try {
    return await pipelineFiles(path);
  } catch (error) {
    if (isTidemarkError(error, "PIPELINE_NOT_FOUND")) return [];
    throw new Error(`${path} cannot be looked at: ${messageOf(error)}`, { cause: error });
  }
}

/** The diagnostics of a file, for comparison. */
function fingerprint(checks: readonly FileCheck[]): string {
  return JSON.stringify(checks.map(({ diagnostics }) => diagnostics));
}

function clash(
  { key, file }: LoadedPipeline,
  before: readonly LoadedPipeline[],
  held: ReadonlySet<string>,
): Diagnostic[] {
  const stream = formatStreamKey(key);
  if (!held.has(stream) || before.some((pipeline) => formatStreamKey(pipeline.key) === stream)) return [];
  const message = `the stream ${stream} is still run as another file last had it, which now has errors`;
  return [{ file, line: 1, column: 1, severity: "error", code: "CONFIG_INCOHERENT", message }];
}
