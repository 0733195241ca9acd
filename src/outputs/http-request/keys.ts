import { z } from "zod";
import { formLists } from "../../http/body-text.ts";
import { headerNameSchema } from "../../http/header-name.ts";
import { endpointSchema, httpSettingsShape, queryParamsSchema } from "../../http/schema.ts";
import { filledWith, templateProblems } from "../../templates/template.ts";
import { onErrorShape } from "../dead-letters/schema.ts";
import { answerSchema } from "./answer/schema.ts";

const placeholders =
  "`{{ path }}` is the value at a dotted path of the record, `{{ . }}` is the complete record, and `\\{{` is the text `{{`";

/** The address is the same for every record, except for its path and query, which may have placeholders. */
const endpointTemplate = z.string().superRefine((text, context) => {
  const refuse = (message: string): void => context.addIssue({ code: "custom", message });
  const problems = templateProblems(text);
  for (const { message } of problems) refuse(message);
  if (problems.length > 0) return;
  const sample = filledWith(text, "x");
  const parsed = endpointSchema.safeParse(sample);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const own =
      issue?.code === "custom"
        ? issue.message
        : "expected an address such as `https://api.example.com/items`";
    return refuse(own);
  }
  if (new URL(sample).origin !== URL.parse(filledWith(text, "y"))?.origin) {
    refuse("a placeholder may stand in the path and in the query, not in the host");
  }
});

const path = z
  .string()
  .min(1)
  .refine((dotted) => dotted.split(".").every((step) => step !== ""), {
    error: "a path is names joined by single dots, as in `order.id`",
  });

const bodyTemplate = z
  .union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())])
  .superRefine((template, context) => {
    for (const { path, message } of templateProblems(template)) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
  });

const batchSchema = z.strictObject({
  size: z
    .int()
    .min(1)
    .max(10_000)
    .describe(
      "The most records of one request. A request holds records of one page only, so the last of a page may have fewer.",
    ),
  bodyAs: z
    .union([
      z.enum(["array", "ndjson", "lines"]),
      z.strictObject({
        field: path.describe("Dotted path of the list in the object that is sent."),
        with: z
          .record(z.string(), z.unknown())
          .optional()
          .describe("What else the object holds, the same in every request, such as `{ typecast: true }`."),
      }),
    ])
    .default("array")
    .describe(
      "How records make up a body: `array` is a JSON list. `ndjson` is one JSON value per line. `lines` is the same, where the `body` of each record is a list of lines (Elasticsearch's `_bulk`). `{ field: data.items }` is an object that holds the list there.",
    ),
});

/** The keys of an `httpRequest` output, each by itself. */
export const httpRequestKeys = z.strictObject({
  type: z.literal("httpRequest").describe("Sends records to an HTTP endpoint."),
  endpoint: endpointTemplate.describe(
    `Where requests go. In its path and query ${placeholders}; values are percent-encoded. A record without a value, or with an empty one in the path, is refused.`,
  ),
  method: z.enum(["POST", "PUT", "PATCH", "DELETE"]).default("POST").describe("The method of every request."),
  queryParams: queryParamsSchema
    .default({})
    .describe(
      "Query parameters of every request. Their texts may hold `{{ path }}`. A parameter that is one placeholder is left out if the record has no value.",
    ),
  ...httpSettingsShape,
  limitWaitMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(600_000)
    .describe(
      "Milliseconds that a run waits in all for an endpoint that limits requests: one that answers 429, 403 for a rate limit, or 503 with a time. It waits as long as the answer says (`Retry-After`, `X-RateLimit-Reset`, `RateLimit`), or for times that double up to `retry.maxDelayMs`. These answers do not use up `retry.attempts`. When the time is over, the run fails, and the next run goes on after what was taken. With 0 these answers use up `retry.attempts`.",
    ),
  headers: httpSettingsShape.headers.describe(
    "Headers of every request. Their texts may hold `{{ path }}`. A header that is one placeholder is left out if the record has no value. A record whose value has a line break is refused.",
  ),
  body: bodyTemplate
    .optional()
    .describe(
      `What is sent for a record: a JSON template. In its texts ${placeholders}. A text that is one placeholder takes the value with its type; without a value the field is left out. Values in a longer text are escaped for the declared \`Content-Type\`: a form, JSON or XML. A text is sent as it is, everything else as JSON with every digit, or as a form if that is the \`Content-Type\`. Default: the record; for DELETE nothing.`,
    ),
  form: z
    .strictObject({
      lists: z
        .enum(formLists)
        .default("indices")
        .describe(
          "How a list is written in a form: `tags[0]=a`, `tags[]=a` (`brackets`), or `tags=a` once for each element (`repeat`).",
        ),
    })
    .optional()
    .describe(
      "How an object becomes a form. A body is a form if `headers` declare `Content-Type: application/x-www-form-urlencoded`.",
    ),
  batch: batchSchema
    .optional()
    .describe("Sends several records with each request. Default: one request per record."),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      "How many requests may be under way at once. Above 1 it needs `key`: requests about one key are made one after another, in the order of the records. Others may overtake each other.",
    ),
  key: z
    .union([path, z.array(path).min(1)])
    .optional()
    .describe(
      "For `concurrency`: the field, or list of fields, of the record as sent that says what it is about.",
    ),
  idempotencyHeader: headerNameSchema
    .nullable()
    .default("Idempotency-Key")
    .describe(
      "The header by which an endpoint recognises a repeated request. null sends none. Its value is a SHA-256 over the stream, the request's shape and the content of the records, so a record that is sent again after a failure has the same value. Two records with the same content have the same value too: keep a field that distinguishes them, such as the time of the change. After a failure a batch may be cut at another record; only a batch of the same records has the same value.",
    ),
  success: z
    .array(z.int().min(200).max(499), {
      error:
        "expected a list of statuses, such as `[200, 303]`; what a body or a header says goes under `answer`",
    })
    .min(1)
    .optional()
    .describe(
      "The statuses that mean delivered, such as `[200, 201, 409]` if 409 means that the endpoint has the record already, or `[303]`. Default: every 2xx. What a body says goes under `answer`.",
    ),
  answer: answerSchema
    .optional()
    .describe(
      "What the endpoint's answers mean, if the status alone does not say. Default: a 2xx is a success. A 207, and a 2xx that says that it failed (`errors`, `ok: false` …), fail the run.",
    ),
  onError: onErrorShape.onError.describe(
    "What happens to a record that the endpoint refuses, that cannot be put into a request, or that cannot be read from the source. `fail` fails the run, and the next run sends the record again. `skip` leaves it out. `deadLetter` writes it to a file with the reason. With both, the run goes on, and a warning counts the refused records. A refused batch is sent again in halves until the refused records are alone. A refusal is a 4xx status other than 401, 402, 403, 405, 406, 407, 408, 411, 415, 421, 423, 425, 426, 429 and 431, and other than 404 and 410 if the endpoint's path is the same for all records. These and all other failures fail the run.",
  ),
  deadLetter: onErrorShape.deadLetter,
  maxRefused: onErrorShape.maxRefused,
});

/** An `httpRequest` output, as its keys are once parsed. */
export type HttpRequestConfig = z.infer<typeof httpRequestKeys>;
