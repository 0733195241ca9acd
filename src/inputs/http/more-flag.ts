import type { Warn } from "../../engine/ports.ts";
import { formatPath, type Path, valueAt } from "../../model/record.ts";
import { showValue } from "../../model/unreadable-value.ts";
import { siblingKeys } from "./answer.ts";
import type { Facts } from "./facts.ts";
import type { PageFailure } from "./page-failure.ts";

/** The flag in an answer for whether another page follows (`hasMoreField`). */
export class MoreFlag {
  readonly #path: Path | null;
  readonly #facts: Facts;
  readonly #warn: Warn;
  #value: boolean | null = null;
  /** The keys at the flag's place on the first page without it, for messages; null where it was seen. */
  #keys: string | null = null;
  #isSeen = false;

  constructor(path: Path | null, facts: Facts, warn: Warn) {
    this.#path = path;
    this.#facts = facts;
    this.#warn = warn;
  }

  /** The flag of the last page; null where it had none. */
  get value(): boolean | null {
    return this.#value;
  }

  /** Whether the flag was seen to change where the pages ended, in this run or an earlier one. */
  get isProven(): boolean {
    return this.#path !== null && this.#facts.has(`more:${formatPath(this.#path)}`);
  }

  note(body: unknown, fail: PageFailure): void {
    if (this.#path === null) return;
    const before = this.#value;
    this.#value = flagAt(body, this.#path, fail);
    if (this.#value !== null) this.#see(this.#path);
    else if (body !== undefined) this.#keys ??= siblingKeys(body, this.#path);
    if (before === true && this.#value === false) this.#facts.learn(`more:${formatPath(this.#path)}`);
  }

  #see(path: Path): void {
    if (this.#isSeen) return;
    this.#isSeen = true;
    this.#facts.learn(`flag:${formatPath(path)}`);
  }

  /** Call where a read ends: warns of a flag that no answer of the stream has ever had, which may be mistyped. */
  warnIfNeverSeen(): void {
    if (this.#path === null || this.#isSeen || this.#keys === null) return;
    const path = formatPath(this.#path);
    if (this.#facts.has(`flag:${path}`) || this.isProven) return;
    this.#warn(
      "HAS_MORE_ABSENT",
      `\`${path}\` (\`hasMoreField\`) was in no answer so far, so that the read ended as if it were not declared${this.#keys}. Check its name; a source that has the flag only where more follows needs no change`,
    );
  }
}

/** A boolean, also as text. */
function flagAt(body: unknown, path: Path, fail: PageFailure): boolean | null {
  const value = valueAt(body, path);
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "string" && /^(?:true|false)$/i.test(value)) return value.toLowerCase() === "true";
  throw fail(
    "SOURCE_INVALID",
    `\`${formatPath(path)}\` is ${showValue(value)}, and \`hasMoreField\` takes true and false`,
  );
}
