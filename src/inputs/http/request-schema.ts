import { z } from "zod";
import { encodingSchema, endpointSchema, queryParamsSchema } from "../../http/schema.ts";
import { pathSchema } from "../path-schema.ts";
import { liesOn } from "./data-field.ts";

/** The request to an endpoint, and where its records are in the answer. */
export const requestShape = {
  endpoint: endpointSchema.describe(
    "The address of the API. It may have a query of its own, but no name or password.",
  ),
  method: z.enum(["GET", "POST", "PUT", "PATCH"]).default("GET").describe("The method of every request."),
  queryParams: queryParamsSchema
    .default({})
    .describe("Query parameters of every request. A list sends the parameter once for each value."),
  body: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .optional()
    .describe(
      "Body of every request: a text that is sent as it is, or an object that is sent as JSON. Not with GET.",
    ),
  paramsIn: z
    .enum(["query", "body"])
    .default("query")
    .describe(
      "Where bounds and paging parameters are sent. In a body their names are dotted paths; a number steps into a list: `filters.0.value`.",
    ),
  dataField: pathSchema
    .optional()
    .describe("Dotted path, in the answer, of the list of records. Default: the answer is the list."),
  errorField: z
    .union([pathSchema, z.array(pathSchema).min(1)])
    .nullable()
    .optional()
    .describe(
      "Dotted path, or a list of paths, where the answer says that it failed or is incomplete. null checks nothing. A path that ends in `ok` or `success` means a failure if it is false or 0. Any other path means one if it is true, a number other than 0, or a text, list or object that is not empty. Default: the usual names in the objects around the list: `errors`, `error`, `ok`, `success`, `hasErrors`, `timed_out`, `_shards.failed`, `incomplete_results`, `partialFailureError`.",
    ),
  encoding: encodingSchema
    .optional()
    .describe(
      "The character set of the answers, for a source that names none or a wrong one, such as `windows-1252`. Default: what the answer says, or UTF-8.",
    ),
};

const requestSchema = z.strictObject(requestShape);

/** Adds issues for settings from which no request can be made. */
export function validateRequest(
  { method, body, paramsIn, dataField, errorField }: z.infer<typeof requestSchema>,
  addIssue: (path: string[], message: string) => void,
): void {
  if (body !== undefined && method === "GET") addIssue(["body"], "a GET has no body; declare `method: POST`");
  if (paramsIn === "body" && method === "GET") {
    addIssue(["paramsIn"], "a GET has no body; declare `method: POST`");
  }
  if (paramsIn === "body" && typeof body === "string") {
    addIssue(["body"], "parameters can only be put into a body that is an object");
  }
  if ([errorField ?? []].flat().some((path) => liesOn(path, dataField))) {
    addIssue(["errorField"], `is on the way to \`dataField\`, so that every answer with records would fail`);
  }
}
