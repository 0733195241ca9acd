import { z } from "zod";
import { nameProblem } from "../../engine/connector/connector.ts";
import { type Output, type OutputContext, type OutputSession, outputGuarantees } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { kindOf } from "../../model/plain-object.ts";
import type { ModuleRefusals } from "./module-refusals.ts";

/** An output in code, for pipelines with `output: { type: module }`; made by `defineOutputModule`. */
export interface OutputModule<Config = unknown> {
  /** Its name in messages and dead letters, such as `jsonl-log`. */
  readonly id: string;
  /** Checks and completes the configuration before `create` is called. */
  readonly configSchema?: z.ZodType<Config>;
  /**
   * Makes the output of one pipeline. It is called when the pipeline is loaded or checked, also by `tidemark validate`
   * and for a dry run: it must not open or write anything. Do that in `open`.
   */
  create(config: Config): ModuleOutput;
}

/**
 * What `create` returns: an `Output`, as the port's comment explains it, but for what the pipeline declares itself (its
 * `onError`) and its name, which is the module's `id`.
 */
export type ModuleOutput = Omit<Output, "kind" | "onError" | "open"> & {
  /** Called once a run, when the run is about to begin. */
  open(context: ModuleOutputContext): Promise<ModuleOutputSession> | ModuleOutputSession;
};

/** The same context as for any output, except that a record may be refused for any error. */
export type ModuleOutputContext = Omit<OutputContext, "refusals"> & { readonly refusals: ModuleRefusals };

/**
 * The session of one run: an `OutputSession` of which an output that delivers at least once may leave out all but
 * `write`. Without `commit`, `write` has to make its records durable before it returns. One that delivers exactly
 * once has `fencedEpoch`, `fence`, `partition`, `commit` and `close` too, and `delivered` where it appends.
 */
export type ModuleOutputSession = Pick<OutputSession, "write"> & Partial<Omit<OutputSession, "write">>;

/** The methods that a session must have if its output delivers exactly once. */
const sessionMethods = ["fencedEpoch", "fence", "partition", "write", "commit", "close"] as const;

/**
 * Defines an output module: an output of a pipeline in your own code. Export it as the default of a file, and name the
 * file in the pipeline: `output: { type: module, path: ./my-output.ts, config: { … } }`.
 *
 * An output declares its guarantee. The simplest delivers at least once and has only a `write`, which returns once the
 * records are durable. After a failure a batch may come again, so write by key, or to a target that tolerates repeated
 * records:
 *
 * ```ts
 * export default defineOutputModule({
 *   id: "search-index",
 *   configSchema: z.strictObject({ url: z.url(), token: z.string() }),
 *   create: ({ url, token }) => ({
 *     guarantee: "at-least-once",
 *     appends: false,
 *     open: ({ signal }) => ({
 *       async write({ records }) {
 *         const headers = { authorization: `Bearer ${token}` };
 *         const answer = await fetch(url, { method: "PUT", headers, body: JSON.stringify(records), signal });
 *         if (!answer.ok) throw new Error(`the index answered ${answer.status}`);
 *         return records.length;
 *       },
 *     }),
 *   }),
 * });
 * ```
 *
 * For exactly once, the output stores the position of each commit in the transaction of its rows, and fences runs of an
 * older epoch: see `OutputSession`. Test it with `outputContract` of `tidemark/testing`.
 *
 * Throws `ARGUMENT_INVALID` for an invalid definition.
 */
export function defineOutputModule<Config = unknown>(module: OutputModule<Config>): OutputModule<Config> {
  const problem = outputModuleProblem(module);
  if (problem !== null) throw new TidemarkError("ARGUMENT_INVALID", `this is no output module: ${problem}`);
  return module;
}

export function isOutputModule(value: unknown): value is OutputModule {
  return outputModuleProblem(value) === null;
}

/** Why a value is not an output module, for messages; null where it is one. */
export function outputModuleProblem(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return `it is ${kindOf(value)}, not an object`;
  const { id, configSchema, create }: Partial<Record<keyof OutputModule, unknown>> = value;
  const problem = nameProblem("id", id);
  if (problem !== null) return problem;
  if (typeof create !== "function") {
    return `the \`create\` of ${String(id)} is ${kindOf(create)}, not a function; write \`create: (config) => ({ guarantee, appends, open })\``;
  }
  if (configSchema !== undefined && !(configSchema instanceof z.ZodType)) {
    return `the \`configSchema\` of ${id} is no schema of zod 4`;
  }
  return null;
}

const facts = z.looseObject({
  guarantee: z.enum(outputGuarantees, { error: `is none of ${outputGuarantees.join(", ")}` }),
  appends: z.boolean({
    error: "says whether a record that is delivered twice is added twice: true or false",
  }),
  upsertKey: z.array(z.string(), { error: "is a list of names of fields" }).min(1).optional(),
  toReplace: z.string({ error: "is a text" }).optional(),
  exclusive: z
    .looseObject({ id: z.string(), name: z.string() }, { error: "is `{ id, name }`, two texts" })
    .optional(),
  prints: z.boolean({ error: "is true or false" }).optional(),
  receipts: z.boolean({ error: "is true or false" }).optional(),
});

/** Why the result of `create` is not an output, for messages; null where it is one. */
export function outputProblem(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return `it returned ${kindOf(value)}, not an output`;
  const parsed = facts.safeParse(value);
  if (!parsed.success) {
    const { path = [], message = "" } = parsed.error.issues[0] ?? {};
    return `the \`${path.join(".")}\` of what it returned ${message}`;
  }
  const { open, openReader }: Partial<Record<keyof ModuleOutput, unknown>> = value;
  if (typeof open !== "function")
    return `the \`open\` of what it returned is ${kindOf(open)}, not a function`;
  if (openReader !== undefined && typeof openReader !== "function")
    return `the \`openReader\` of what it returned is ${kindOf(openReader)}, not a function`;
  const { appends, upsertKey, receipts, guarantee } = parsed.data;
  if (appends && upsertKey !== undefined)
    return "what it returned `appends`, and has an `upsertKey` all the same";
  if (receipts === true && (appends || guarantee !== "at-least-once"))
    return "what it returned gives `receipts`, which goes with `at-least-once` and without `appends`";
  return null;
}

/** Why the result of `open` is not a session for this output, for messages; null where it is one. */
export function sessionProblem(session: unknown, { guarantee, appends }: ModuleOutput): string | null {
  if (typeof session !== "object" || session === null) return `it returned ${kindOf(session)}, not a session`;
  const needed =
    guarantee === "exactly-once" ? [...sessionMethods, ...(appends ? ["delivered"] : [])] : ["write"];
  const missing = needed.find((name) => typeof Reflect.get(session, name) !== "function");
  if (missing === undefined) return null;
  const why = guarantee === "exactly-once" ? ", which an output that delivers exactly once needs" : "";
  return `the \`${missing}\` of its session is ${kindOf(Reflect.get(session, missing))}, not a function${why}`;
}

/** Why the result of `openReader` is not a reader, for messages; null where it is one. */
export function readerProblem(reader: unknown): string | null {
  if (typeof reader !== "object" || reader === null) return `it returned ${kindOf(reader)}, not a reader`;
  const missing = ["has", "rows", "close"].find((name) => typeof Reflect.get(reader, name) !== "function");
  return missing === undefined ? null : `the \`${missing}\` of its reader is no function`;
}
