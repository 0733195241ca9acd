import { z } from "zod";
import { pathSchema } from "../state-persistence.ts";

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

/** Paging by places, which asks for no cursor. */
export const placePaginationSchema = z
  .discriminatedUnion("type", [pageSchema, offsetSchema, cursorSchema, linkSchema])
  .superRefine(refuseUnsaidLimit);

export const paginationSchema = z
  .discriminatedUnion("type", [pageSchema, offsetSchema, cursorSchema, linkSchema, seekSchema])
  .superRefine(refuseUnsaidLimit);

function refuseUnsaidLimit(
  pagination: { readonly limitParam?: string | undefined; readonly limit?: number | undefined },
  context: z.RefinementCtx,
): void {
  if (pagination.limitParam !== undefined && pagination.limit === undefined) {
    context.addIssue({ code: "custom", path: ["limitParam"], message: "needs `limit`, the value to send" });
  }
}

/** How a source is asked for one page after another. */
export type Pagination = z.infer<typeof paginationSchema>;

/** Asks for each page by a moved bound. */
export type SeekPagination = Extract<Pagination, { type: "seek" }>;

/** Asks for each page by its place: a number, an offset, a token or a link. */
export type PlacePagination = Exclude<Pagination, SeekPagination>;
