import { z } from "zod";
import { httpSettingsShape } from "../../http/schema.ts";
import { keySchema } from "../path-schema.ts";
import { parameterStatePersistenceSchema } from "../state-persistence.ts";
import { leadingRole } from "../state-persistence-keys.ts";
import { areNested, bodyParameterProblem } from "./body-parameters.ts";
import { paginationSchema } from "./pagination-schema.ts";
import { partitionsSchema, validatePartitions } from "./partition-schema.ts";
import { requestShape, validateRequest } from "./request-schema.ts";

const httpPollingKeys = z.strictObject({
  type: z.literal("httpPolling"),
  ...requestShape,
  ...httpSettingsShape,
  key: keySchema.optional(),
  pagination: paginationSchema
    .optional()
    .describe("How one page follows another. Default: one request gives all."),
  partitions: partitionsSchema.optional(),
  statePersistence: parameterStatePersistenceSchema
    .prefault({})
    .describe(
      "What is kept between runs: the cursors, the order, and how late and old records are handled. Without a cursor every run reads everything.",
    ),
});

/** An `httpPolling` input, as its keys are once parsed. */
export type HttpPollingConfig = z.infer<typeof httpPollingKeys>;

/** The keys of an `httpPolling` input. */
export const httpPollingSchema = httpPollingKeys.superRefine(validateHttpPolling);

function validateHttpPolling(config: HttpPollingConfig, context: z.RefinementCtx): void {
  const addIssue = (path: string[], message: string): void =>
    context.addIssue({ code: "custom", path, message });

  validateRequest(config, addIssue);
  validateParameterNames(config, addIssue);
  validateBodyParameters(config, addIssue);
  validateOffset(config, addIssue);
  validateSeek(config, addIssue);
  validatePartitions(config, config.partitions, addIssue);
}

type AddIssue = (path: string[], message: string) => void;

type Parameter = readonly [path: string[], name: string];

/** The parameters of requests, each with its path in the file. */
function parametersOf({ statePersistence, pagination }: HttpPollingConfig): Parameter[] {
  const { timestamp, id, offset, until } = statePersistence;
  const uses: [path: string[], name: string | undefined][] = [
    [["statePersistence", "timestamp", "queryParam"], timestamp?.enabled ? timestamp.queryParam : undefined],
    [["statePersistence", "id", "queryParam"], id?.enabled ? id.queryParam : undefined],
    [["statePersistence", "until", "queryParam"], until?.queryParam],
    [
      ["pagination", "param"],
      pagination !== undefined && "param" in pagination ? pagination.param : undefined,
    ],
    [
      ["pagination", "offsetParam"],
      pagination !== undefined && "offsetParam" in pagination ? pagination.offsetParam : undefined,
    ],
    [["pagination", "limitParam"], pagination?.limitParam],
  ];
  if (pagination === undefined && offset?.enabled) {
    uses.push([["statePersistence", "offset", "queryParam"], offset.queryParam]);
  }
  return uses.flatMap(([path, name]) => (name === undefined ? [] : [[path, name] as const]));
}

/** Two values under one name would overwrite each other. */
function validateParameterNames(config: HttpPollingConfig, addIssue: AddIssue): void {
  const seen = new Map<string, string[]>();
  for (const [path, name] of parametersOf(config)) {
    const first = seen.get(name);
    if (first !== undefined) addIssue(path, `\`${name}\` is already sent for \`${first.join(".")}\``);
    seen.set(name, first ?? path);
  }
}

/** A parameter in a body must have a valid place, and must not change the rest of the body. */
function validateBodyParameters(config: HttpPollingConfig, addIssue: AddIssue): void {
  const { paramsIn, body } = config;
  if (paramsIn !== "body" || typeof body === "string") return;
  const parameters = parametersOf(config);
  for (const [at, [path, name]] of parameters.entries()) {
    const problem = bodyParameterProblem(body ?? {}, name);
    if (problem !== null) addIssue(path, problem);
    const holder = parameters.slice(0, at).find(([, other]) => areNested(name, other));
    if (holder !== undefined) addIssue(path, `\`${name}\` and \`${holder[1]}\` lie one inside the other`);
  }
}

/**
 * An offset counts within one read, so it needs paging by the same offset, or another paging type that only starts
 * there.
 */
function validateOffset({ statePersistence, pagination }: HttpPollingConfig, addIssue: AddIssue): void {
  const { offset } = statePersistence;
  if (!offset?.enabled || pagination === undefined) return;
  if (pagination.type === "offset") {
    if (pagination.param === offset.queryParam) return;
    addIssue(["pagination", "param"], `must be \`${offset.queryParam}\`, as in \`statePersistence.offset\``);
  } else if (pagination.type === "page" || leadingRole(statePersistence) !== "offset") {
    addIssue(
      ["pagination", "type"],
      "an offset cursor pages by itself: declare type offset, or no pagination",
    );
  }
}

/** In an unsorted source, a bound moved to the highest cursor seen would skip records below it. */
function validateSeek({ statePersistence, pagination }: HttpPollingConfig, addIssue: AddIssue): void {
  if (pagination?.type !== "seek") return;
  const leading = leadingRole(statePersistence);
  if (leading !== "timestamp" && leading !== "id") {
    addIssue(["pagination", "type"], "seek moves the bound of an enabled `timestamp` or `id`; declare one");
  }
  if (statePersistence.order !== "ascending") {
    addIssue(
      ["pagination", "type"],
      `seek needs a source that sorts by the cursor: declare \`statePersistence.order: ascending\`; it is ${statePersistence.order}`,
    );
  }
}
