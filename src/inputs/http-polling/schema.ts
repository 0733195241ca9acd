import { z } from "zod";
import { endpointSchema, httpSettingsShape, queryParamsSchema } from "../../http/schema.ts";
import {
  keySchema,
  leadingRole,
  parameterStatePersistenceSchema,
  pathSchema,
  timezoneSchema,
} from "../state-persistence.ts";

const parameter = z.string().min(1);

const maxPages = z
  .int()
  .min(1)
  .default(10_000)
  .describe("The most pages of one run; a run that reaches it with more to come fails.");
const limit = z
  .int()
  .min(1)
  .optional()
  .describe(
    "How many records a full page has; no more than the source grants. A shorter page ends the read, unless a total or `hasMoreField` says otherwise.",
  );
const limitParam = parameter.optional().describe("Parameter that asks for `limit` records a page.");
const totalField = pathSchema
  .optional()
  .describe(
    "Dotted path, in the answer, of the number of records in the whole result. A read that ends below it fails.",
  );
const hasMoreField = pathSchema
  .optional()
  .describe("Dotted path, in the answer, of a boolean: whether another page follows.");

const tokenGone = z
  .strictObject({
    statuses: z.array(z.int().min(400).max(599)).default([400, 404, 410]).describe("Statuses that say so."),
    field: pathSchema
      .optional()
      .describe("Dotted path, in the answer, of a value that is true when it says so."),
  })
  .prefault({})
  .describe(
    "How the source says that a page's token or place is no longer known; the window is then read from its start.",
  );

const pageSchema = z.strictObject({
  type: z.literal("page"),
  param: parameter.describe("Parameter that carries the page's number."),
  startPage: z.int().min(0).default(1).describe("Number of the first page."),
  limitParam,
  limit,
  totalField,
  totalPagesField: pathSchema.optional().describe("Dotted path, in the answer, of the number of pages."),
  hasMoreField,
  tokenGone,
  maxPages,
});

const offsetSchema = z.strictObject({
  type: z.literal("offset"),
  param: parameter.describe("Parameter that carries where the page begins."),
  startOffset: z
    .int()
    .min(0)
    .default(0)
    .describe("What the source calls its first record: 0, or 1 where it counts from one."),
  limitParam,
  limit,
  totalField,
  hasMoreField,
  tokenGone,
  maxPages,
});

const cursorSchema = z.strictObject({
  type: z.literal("cursor"),
  param: parameter.describe("Parameter that carries the page's token; it is absent for the first page."),
  nextCursorField: pathSchema.describe(
    "Dotted path, in the answer, of the next page's token; none, null or an empty text ends the read.",
  ),
  limitParam,
  limit,
  totalField,
  hasMoreField,
  tokenGone,
  maxPages,
});

const linkSchema = z.strictObject({
  type: z.literal("link"),
  nextCursorField: pathSchema
    .optional()
    .describe(
      "Dotted path, in the answer, of the next page's address. Default: the `Link` header with `rel=next`.",
    ),
  limitParam,
  limit,
  totalField,
  hasMoreField,
  tokenGone,
  maxPages,
});

const seekSchema = z.strictObject({
  type: z
    .literal("seek")
    .describe(
      "Each next page is asked with the lower bound moved to the highest cursor seen, so that records which change while they are read shift nothing. Needs `order: ascending` and an enabled `timestamp` or `id`.",
    ),
  limitParam,
  limit: z
    .int()
    .min(1)
    .describe(
      "How many records a full page has; no more than the source grants. A shorter page ends the read. From 2 on, pages inside a crowd of equal cursors overlap by a record, which shows where records shifted.",
    ),
  offsetParam: parameter
    .optional()
    .describe(
      "Parameter that says how many records to skip, counted from 0. It is sent only among records whose cursors are too close for the bound to tell apart and that are more than a page; without it such a crowd fails the run.",
    ),
  maxPages,
});

const paginationSchema = z
  .discriminatedUnion("type", [pageSchema, offsetSchema, cursorSchema, linkSchema, seekSchema])
  .superRefine((pagination, context) => {
    if (pagination.limitParam !== undefined && pagination.limit === undefined) {
      context.addIssue({ code: "custom", path: ["limitParam"], message: "needs `limit`, the value to send" });
    }
  });

/** How a source is asked for one page after another. */
export type Pagination = z.infer<typeof paginationSchema>;

/** Asks for each page by a moved bound. */
export type SeekPagination = Extract<Pagination, { type: "seek" }>;

/** Asks for each page by its place: a number, an offset, a token or a link. */
export type PlacePagination = Exclude<Pagination, SeekPagination>;

const httpPollingKeys = z.strictObject({
  type: z.literal("httpPolling"),
  schedule: z
    .string()
    .min(1)
    .optional()
    .describe("When `tidemark start` runs the pipeline: a cron expression."),
  timezone: timezoneSchema.default("UTC").describe("IANA time zone of the schedule."),
  endpoint: endpointSchema.describe("The address to ask; it may have a query of its own."),
  method: z.enum(["GET", "POST", "PUT", "PATCH"]).default("GET").describe("The method of every request."),
  queryParams: queryParamsSchema.default({}).describe("Query parameters of every request."),
  body: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .optional()
    .describe("Body of every request: text as it is, or an object that is sent as JSON."),
  paramsIn: z
    .enum(["query", "body"])
    .default("query")
    .describe("Where bounds and paging parameters are sent; in a body their names are dotted paths."),
  ...httpSettingsShape,
  dataField: pathSchema
    .optional()
    .describe("Dotted path, in the answer, of the list of records. Default: the answer is the list."),
  key: keySchema.optional(),
  pagination: paginationSchema
    .optional()
    .describe("How one page follows another. Default: one request gives all."),
  statePersistence: parameterStatePersistenceSchema.prefault({}).describe("What is kept between runs."),
});

/** An `httpPolling` input, as its keys are once parsed. */
export type HttpPollingConfig = z.infer<typeof httpPollingKeys>;

/** The keys of an `httpPolling` input. */
export const httpPollingSchema = httpPollingKeys.superRefine(refuseIncoherent);

function refuseIncoherent(config: HttpPollingConfig, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string): void =>
    context.addIssue({ code: "custom", path, message });

  if (config.body !== undefined && config.method === "GET") {
    refuse(["body"], "a GET has no body; declare `method: POST`");
  }
  if (config.paramsIn === "body" && config.method === "GET") {
    refuse(["paramsIn"], "a GET has no body; declare `method: POST`");
  }
  if (config.paramsIn === "body" && typeof config.body === "string") {
    refuse(["body"], "parameters can only be put into a body that is an object");
  }
  refuseSharedParameters(config, refuse);
  refuseIncoherentOffset(config, refuse);
  refuseIncoherentSeek(config, refuse);
}

type Refuse = (path: string[], message: string) => void;

/** Two values under one name would overwrite each other. */
function refuseSharedParameters({ statePersistence, pagination }: HttpPollingConfig, refuse: Refuse): void {
  const { timestamp, id, until } = statePersistence;
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
  const seen = new Map<string, string[]>();
  for (const [path, name] of uses) {
    if (name === undefined) continue;
    const first = seen.get(name);
    if (first !== undefined) refuse(path, `\`${name}\` is already sent for \`${first.join(".")}\``);
    seen.set(name, first ?? path);
  }
}

/** An offset counts the pages of one read, so it goes with paging by that offset, or says where others start. */
function refuseIncoherentOffset({ statePersistence, pagination }: HttpPollingConfig, refuse: Refuse): void {
  const { offset } = statePersistence;
  if (!offset?.enabled || pagination === undefined) return;
  if (pagination.type === "offset") {
    if (pagination.param === offset.queryParam) return;
    refuse(["pagination", "param"], `must be \`${offset.queryParam}\`, as in \`statePersistence.offset\``);
  } else if (pagination.type === "page" || leadingRole(statePersistence) !== "offset") {
    refuse(["pagination", "type"], "an offset cursor pages by itself: declare type offset, or no pagination");
  }
}

/** A bound moved to the highest cursor seen passes over what an unsorted source still had below it. */
function refuseIncoherentSeek({ statePersistence, pagination }: HttpPollingConfig, refuse: Refuse): void {
  if (pagination?.type !== "seek") return;
  const leading = leadingRole(statePersistence);
  if (leading !== "timestamp" && leading !== "id") {
    refuse(["pagination", "type"], "seek moves the bound of an enabled `timestamp` or `id`; declare one");
  }
  if (statePersistence.order !== "ascending") {
    refuse(
      ["pagination", "type"],
      `seek needs a source that sorts by the cursor: declare \`statePersistence.order: ascending\`; it is ${statePersistence.order}`,
    );
  }
}
