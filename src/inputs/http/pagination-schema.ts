import { z } from "zod";
import { parsePath } from "../../model/record.ts";
import { pathSchema } from "../path-schema.ts";
import { isEndFlag } from "./more-signs.ts";

const parameter = z.string().min(1);

const maxPages = z
  .int()
  .min(1)
  .default(10_000)
  .describe(
    "The most pages of one run. A run that reaches it with more to come fails with `PAGE_CAP_REACHED`.",
  );
const limit = z
  .int()
  .min(1)
  .optional()
  .describe(
    "How many records a page has at most. A source may return fewer: a short page alone does not end the read.",
  );
const end = z
  .enum(["emptyPage", "shortPage"])
  .default("emptyPage")
  .describe(
    "What ends a read if no total, number of pages or flag does. `emptyPage`: a page without records, so a short page costs one request more. `shortPage`: a page with fewer records than `limit`. It saves that request, but loses records if the source returns less than `limit` or filters its pages.",
  );
const endStatuses = z
  .array(z.int().min(400).max(499))
  .default([])
  .describe(
    "Statuses with which the source answers a page after its last one, also after a full page. After a short page, 400, 404, 416 and 422 end the read without being declared.",
  );
const optional = z
  .boolean()
  .default(false)
  .describe(
    "Whether the next page's token or address may be missing on the last page. With false, if no run of the stream has ever seen one, the run warns `NEXT_PAGE_ABSENT`, and fails if the page was full or the answer shows that more follows.",
  );
const limitParam = parameter.optional().describe("Parameter that carries `limit`. Default: it is not sent.");
const totalField = pathSchema
  .optional()
  .describe(
    "Dotted path, in the answer, of the number of records in the whole result. A read that ends below it fails with `SOURCE_TRUNCATED`. It ends a read only together with a short page.",
  );
const hasMoreField = pathSchema
  .refine((path) => !isEndFlag(parsePath(path).at(-1) ?? ""), {
    error: ({ input }) =>
      `\`${input}\` is by its name true at the end: \`hasMoreField\` takes a flag that is true where another page follows`,
  })
  .optional()
  .describe("Dotted path, in the answer, of a boolean that is true if another page follows.");

const tokenGone = z
  .strictObject({
    statuses: z.array(z.int().min(400).max(599)).default([400, 404, 410]).describe("Statuses that mean it."),
    field: pathSchema.optional().describe("Dotted path, in the answer, of a value that is then true."),
  })
  .prefault({})
  .describe(
    "How the source says that it no longer knows a stored token or page. The window is then read from its start.",
  );

const pageSchema = z.strictObject({
  type: z.literal("page"),
  param: parameter.describe("Parameter that carries the page's number."),
  startPage: z.int().min(0).default(1).describe("Number of the first page."),
  limitParam,
  limit,
  end,
  endStatuses,
  totalField,
  totalPagesField: pathSchema.optional().describe("Dotted path, in the answer, of the number of pages."),
  hasMoreField,
  tokenGone,
  maxPages,
});

const offsetSchema = z.strictObject({
  type: z.literal("offset"),
  param: parameter.describe("Parameter that carries the offset of the page's first record."),
  startOffset: z
    .int()
    .min(0)
    .default(0)
    .describe("The offset of the first record: 0, or 1 if the source counts from one."),
  limitParam,
  limit,
  end,
  endStatuses,
  totalField,
  hasMoreField,
  tokenGone,
  maxPages,
});

const cursorSchema = z.strictObject({
  type: z.literal("cursor"),
  param: parameter.describe("Parameter that carries the page's token. It is not sent for the first page."),
  nextCursorField: pathSchema.describe(
    "Dotted path, in the answer, of the next page's token. Null, false or an empty text ends the read.",
  ),
  optional,
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
  optional,
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
      "Requests each page with the lower bound moved to the highest cursor seen, so records that change during the read do not shift pages. Needs `order: ascending` and an enabled `timestamp` or `id`.",
    ),
  limitParam,
  limit: z
    .int()
    .min(1)
    .describe(
      "How many records a page has at most. A source may return fewer: a short page alone does not end the read. From 2 on, pages of equal cursors overlap by one record, which shows whether records shifted.",
    ),
  offsetParam: parameter
    .optional()
    .describe(
      "Parameter for how many records to skip, counted from 0. It is sent only if more than a page of records share a cursor value. Without it such a read fails with `PAGE_REPEATED`.",
    ),
  end,
  endStatuses,
  maxPages,
});

/** Paging by places, which asks for no cursor. */
export const placePaginationSchema = z
  .discriminatedUnion("type", [pageSchema, offsetSchema, cursorSchema, linkSchema])
  .superRefine(validateLimit);

export const paginationSchema = z
  .discriminatedUnion("type", [pageSchema, offsetSchema, cursorSchema, linkSchema, seekSchema])
  .superRefine(validateLimit);

interface Sized {
  readonly limitParam?: string | undefined;
  readonly limit?: number | undefined;
  readonly end?: "emptyPage" | "shortPage";
}

function validateLimit({ limitParam, limit, end }: Sized, context: z.RefinementCtx): void {
  const addIssue = (key: string, message: string): void =>
    context.addIssue({ code: "custom", path: [key], message });
  if (limit !== undefined) return;
  if (limitParam !== undefined) addIssue("limitParam", "needs `limit`, the value to send");
  if (end === "shortPage") addIssue("end", "`shortPage` needs `limit`, the size of a full page");
}

/** How pages are requested. */
export type Pagination = z.infer<typeof paginationSchema>;

/** Requests each page by a moved bound. */
export type SeekPagination = Extract<Pagination, { type: "seek" }>;

/** Requests each page by its place: a number, an offset, a token or a link. */
export type PlacePagination = Exclude<Pagination, SeekPagination>;

/** Requests each page by a counted number. */
export type CountedPagination = Extract<Pagination, { type: "page" | "offset" }>;

/** Requests each page by a token or link from the page before. */
export type FollowedPagination = Extract<Pagination, { type: "cursor" | "link" }>;

/** What ends a read by counted pages or by a moved bound. */
export interface EndSettings {
  readonly limit?: number | undefined;
  readonly end: "emptyPage" | "shortPage";
  readonly endStatuses: readonly number[];
}
