import { z } from "zod";
import { httpSettingsShape } from "../../http/schema.ts";
import { streamNameProblem } from "../../model/stream-key.ts";
import { templateProblems, templateUses } from "../../templates/template.ts";
import { pathSchema } from "../path-schema.ts";
import { bodyParameterProblem } from "./body-parameters.ts";
import { placePaginationSchema } from "./pagination-schema.ts";
import { requestShape, validateRequest } from "./request-schema.ts";

/** The settings of requests without their defaults, so that undeclared settings are known. */
const declaredSettings = {
  headers: httpSettingsShape.headers.unwrap().optional().describe("Headers of these requests."),
  authentication: httpSettingsShape.authentication,
  timeoutMs: httpSettingsShape.timeoutMs.unwrap().optional().describe("As the input's `timeoutMs`."),
  totalTimeoutMs: httpSettingsShape.totalTimeoutMs,
  maxBodyBytes: httpSettingsShape.maxBodyBytes.unwrap().optional().describe("As the input's `maxBodyBytes`."),
  maxBodyValues: httpSettingsShape.maxBodyValues
    .unwrap()
    .optional()
    .describe("As the input's `maxBodyValues`."),
  retry: httpSettingsShape.retry.unwrap().optional().describe("As the input's `retry`."),
  rateLimit: httpSettingsShape.rateLimit,
};

const parentSchema = z.strictObject({
  type: z.literal("httpPolling").describe("The type of the input that names the partitions."),
  ...requestShape,
  ...declaredSettings,
  pagination: placePaginationSchema
    .optional()
    .describe("How one page of names follows another. Default: one request gives all."),
});

/** What partitions are read from, as its keys are once parsed. */
export type PartitionParent = z.infer<typeof parentSchema>;

/** Text only, so that a number in a file is the name that was written: `007`, `1.10`. */
const nameSchema = z.string().superRefine((name, context) => {
  const problem = streamNameProblem(name);
  if (problem !== null) {
    context.addIssue({ code: "custom", message: `cannot name a partition: ${problem}` });
  }
});

/** How a stream is split into partitions. */
export const partitionsSchema = z
  .strictObject({
    values: z.array(nameSchema).min(1).optional().describe("The names of the partitions."),
    from: parentSchema
      .optional()
      .describe(
        "Instead of `values`: an endpoint whose records name the partitions. It is read to its end at every run. Credentials, headers, limits and retries that it does not declare are those of the input, if both have the same origin. If it declares none, both share one rate limit.",
      ),
    field: pathSchema
      .optional()
      .describe("With `from`: dotted path of the name in each record. A name counts once."),
    concurrency: z.int().min(1).max(100).default(1).describe("How many partitions are read at once."),
    as: pathSchema
      .optional()
      .describe(
        "Dotted path under which each record gets its partition's name. Use it in keys if ids are unique only inside a partition. Default: records are not changed.",
      ),
    keepSlashes: z
      .boolean()
      .default(false)
      .describe(
        "Whether a `/` in a name stays a `/` in the endpoint's path, as in `/repos/{{ partition }}` for `owner/name`. With false it is sent as `%2F`.",
      ),
  })
  .describe(
    "Reads the stream in parts with a position each: one account, one repository. A partition's name replaces `{{ partition }}` in `endpoint`, `queryParams`, `headers` or `body`, percent-encoded in the address. Write `\\{{` for the text `{{`. A partition that fails does not stop the others. A new one begins at the stream's `start`.",
  );

export type PartitionsConfig = z.infer<typeof partitionsSchema>;

type AddIssue = (path: string[], message: string) => void;

const placeholder = "`{{ partition }}`";

/** The parts of a request in which a partition's name may occur. */
type Request = Pick<PartitionParent, "endpoint" | "queryParams" | "headers" | "body">;

/** Adds issues for partitions without names or without a placeholder, and for a placeholder without partitions. */
export function validatePartitions(
  request: Request,
  partitions: PartitionsConfig | undefined,
  addIssue: AddIssue,
): void {
  if (partitions === undefined) {
    validateNoPlaceholders(request, addIssue);
    return;
  }
  const templates = templatesOf(request);
  const uses = templateUses(templates);
  validatePartitionNames(partitions, addIssue);
  const unusable = [...templateProblems(templates), ...uses.filter(({ name }) => name !== "partition")];
  for (const { path } of unusable) {
    addIssue(path.map(String), `${placeholder} is all that can be filled in here${elsewhere}; ${escapeHint}`);
  }
  if (uses.length === 0 && unusable.length === 0) {
    addIssue(
      ["partitions"],
      `needs ${placeholder} in \`endpoint\`, \`queryParams\`, \`headers\` or \`body\`; all partitions would be asked the same`,
    );
  }
}

const escapeHint = "write `\\{{` for the text `{{` itself";
const elsewhere =
  " (pages are asked for by `pagination.param`, bounds are sent by the cursor's `queryParam`)";

function templatesOf({ endpoint, queryParams, headers, body }: Request): Request {
  return { endpoint, queryParams, headers, body };
}

/** Adds issues for placeholders that nothing fills: they would be sent literally. */
function validateNoPlaceholders(request: Request, addIssue: AddIssue): void {
  const templates = templatesOf(request);
  for (const { path, message } of templateProblems(templates)) addIssue(path.map(String), message);
  for (const { path, name } of templateUses(templates)) {
    addIssue(
      path.map(String),
      name === "partition"
        ? `holds ${placeholder}, and no \`partitions\` are declared`
        : `\`{{ ${name} }}\` means nothing here and would be sent as it is written${elsewhere}; ${escapeHint}`,
    );
  }
}

function validatePartitionNames({ values, from, field }: PartitionsConfig, addIssue: AddIssue): void {
  if (values === undefined && from === undefined) {
    addIssue(
      ["partitions"],
      "needs `values`, a list of names, or `from`, an endpoint whose records name them",
    );
  }
  if (values !== undefined && from !== undefined) {
    addIssue(["partitions", "from"], "cannot be given together with `values`");
  }
  if (from !== undefined && field === undefined) {
    addIssue(["partitions", "from"], "needs `field` too, the path of the name in its records");
  }
  if (from === undefined && field !== undefined) {
    addIssue(["partitions", "field"], "goes with `from`, whose records it looks into");
  }
  if (from === undefined) return;
  const addParentIssue: AddIssue = (path, message) => addIssue(["partitions", "from", ...path], message);
  validateRequest(from, addParentIssue);
  validateNoPlaceholders(from, addParentIssue);
  const { pagination } = from;
  if (pagination !== undefined && "param" in pagination && pagination.param === pagination.limitParam) {
    addIssue(["partitions", "from", "pagination", "limitParam"], "is already sent as `param`");
  }
  const { paramsIn, body } = from;
  if (pagination === undefined || paramsIn !== "body" || typeof body === "string") return;
  const names = {
    param: "param" in pagination ? pagination.param : undefined,
    limitParam: pagination.limitParam,
  };
  for (const [key, name] of Object.entries(names)) {
    const problem = name === undefined ? null : bodyParameterProblem(body ?? {}, name);
    if (problem !== null) addIssue(["partitions", "from", "pagination", key], problem);
  }
}
