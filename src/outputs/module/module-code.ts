import type { z } from "zod";
import { placeInFile } from "../../engine/user-code/stack-frames.ts";
import { awaitUncaught, inUserCode, type UserCode } from "../../engine/user-code/user-code.ts";
import { isTidemarkError, messageOf, type SourceLocation, TidemarkError } from "../../errors.ts";
import { kindOf } from "../../model/plain-object.ts";

/** The expected result of a method, with its description for messages. */
export interface Expected<T> {
  readonly shape: z.ZodType<T>;
  readonly description: string;
}

/** Calls an output module's methods. Their errors and wrong results become `OUTPUT_FAILED` with the module's name. */
export class ModuleCode {
  readonly #code: UserCode;
  readonly #signal: AbortSignal;

  constructor(id: string, file: string | undefined, signal: AbortSignal) {
    const name = `the output module ${id}`;
    this.#code = { name, code: "OUTPUT_FAILED", ...(file === undefined ? {} : { file }) };
    this.#signal = signal;
  }

  /** Calls a method, awaits its result and checks it. */
  async call<T>(method: string, run: () => unknown, { shape, description }: Expected<T>): Promise<T> {
    const returned = await this.run(method, run);
    const parsed = shape.safeParse(returned);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where =
      issue === undefined || issue.path.length === 0
        ? ""
        : ` (\`${issue.path.join(".")}\`: ${issue.message})`;
    const found = typeof returned === "number" ? String(returned) : kindOf(returned);
    throw this.failed(`its \`${method}\` returned ${found}${where}, not ${description}`);
  }

  /** As `call`, without a check of the result. */
  async run<T>(method: string, run: () => T | PromiseLike<T>): Promise<T> {
    try {
      const returned = await inUserCode(this.#code, run);
      await awaitUncaught();
      return returned;
    } catch (error) {
      throw this.#moduleError(method, error);
    }
  }

  /** Passes on the items of a module's iterable. */
  async *each<T>(method: string, begin: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    try {
      yield* inUserCode(this.#code, begin);
    } catch (error) {
      throw this.#moduleError(method, error);
    }
  }

  failed(
    why: string,
    options: { cause?: unknown; recoverable?: boolean; where?: SourceLocation; hint?: string } = {},
  ): TidemarkError {
    return new TidemarkError("OUTPUT_FAILED", `${this.#code.name}: ${why}`, {
      hint: "Fix the module; the next run goes on from the last checkpoint.",
      ...options,
    });
  }

  /** A `TidemarkError` keeps its code. A wait that the run itself has aborted is not a failure of the module. */
  #moduleError(method: string, error: unknown): unknown {
    if (isTidemarkError(error) || (this.#signal.aborted && isAbort(error, this.#signal))) return error;
    const { file } = this.#code;
    return this.failed(`its \`${method}\` threw: ${messageOf(error)}`, {
      cause: error,
      recoverable: true,
      hint: "See the cause. The next run goes on from the last checkpoint.",
      ...(file === undefined ? {} : { where: placeInFile(error, file) }),
    });
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
