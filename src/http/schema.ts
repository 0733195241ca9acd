import { z } from "zod";
import { webAddressProblem } from "../model/web-address.ts";
import { charsetOf } from "./charset.ts";
import { headerNameSchema } from "./header-name.ts";
import { hmacSchema } from "./hmac-schema.ts";

const milliseconds = z.int().min(1).max(86_400_000);
const delay = z.int().min(0).max(86_400_000);

const retrySchema = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe("How often a request is made before it fails, including the first time."),
  initialDelayMs: delay
    .default(500)
    .describe("The longest wait before the second attempt, in milliseconds. It doubles with each attempt."),
  maxDelayMs: delay.default(30_000).describe("The longest wait before any attempt, in milliseconds."),
  maxRetryAfterMs: delay
    .default(300_000)
    .describe(
      "The longest wait that a server may ask for, in milliseconds, by `Retry-After` or as the end of a rate limit. If it asks for more, the run fails at once, and `tidemark start` tries again when that time is over.",
    ),
  retryOn: z
    .array(z.int().min(400).max(599))
    .default([408, 425, 429, 500, 502, 503, 504])
    .describe(
      "Statuses after which the request is made again. A 403 for a used-up rate limit always counts.",
    ),
});

/** How often and when a request is made again. */
export type RetryPolicy = z.infer<typeof retrySchema>;

const rateLimitSchema = z.union([
  z.strictObject({
    requestsPerSecond: z.number().positive().describe("Requests per second, evenly spread."),
  }),
  z.strictObject({
    requests: z.int().min(1).describe("The most requests in any period of `perMs`."),
    perMs: milliseconds.describe("The length of the period in milliseconds."),
  }),
]);

/** How many requests may be made in which time. */
export type RateLimit = z.infer<typeof rateLimitSchema>;

const secret = z.string().min(1);

/**
 * An address over HTTP. Credentials inside it are refused, since an address is shown in messages.
 */
export const endpointSchema = z.url({ protocol: /^https?$/, abort: true }).superRefine((text, context) => {
  const refuse = (message: string): void => context.addIssue({ code: "custom", message });
  const problem = webAddressProblem(text);
  if (hasCredentials(text))
    refuse("an address with a name or password in it; declare them under `authentication`");
  else if (problem !== null)
    refuse(`${problem}: an address holds no name or password; declare them under \`authentication\``);
});

function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}

const apiKeySchema = z.strictObject({
  type: z.literal("apiKey"),
  in: z.enum(["header", "query"]).default("header").describe("Where the key is sent."),
  name: z.string().min(1).describe("Name of the header or query parameter."),
  value: secret.describe("The key; keep it in the environment, not in the file."),
});

const bearerSchema = z.strictObject({
  type: z.literal("bearer"),
  token: secret.describe("The token; keep it in the environment, not in the file."),
});

const basicSchema = z.strictObject({
  type: z.literal("basic"),
  username: z.string().describe("The user's name."),
  password: z.string().describe("The password; keep it in the environment, not in the file."),
});

const oauth2Schema = z.strictObject({
  type: z.literal("oauth2ClientCredentials"),
  tokenUrl: endpointSchema.describe("The address that issues tokens."),
  clientId: z.string().min(1).describe("The client's id."),
  clientSecret: secret.describe("The client's secret; keep it in the environment, not in the file."),
  scope: z.string().optional().describe("The scopes to request, separated by spaces."),
  audience: z.string().optional().describe("The audience to request, if the server wants one."),
  style: z
    .enum(["body", "basic"])
    .default("body")
    .describe("Whether the client's credentials go in the form or in a Basic header."),
});

const authenticationSchema = z.discriminatedUnion("type", [
  apiKeySchema,
  bearerSchema,
  basicSchema,
  oauth2Schema,
  hmacSchema,
]);

/** The credentials of the requests. */
export type Authentication = z.infer<typeof authenticationSchema>;
export type OAuth2Settings = z.infer<typeof oauth2Schema>;

/** A value of a header or of a query parameter. */
const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** The name of a character set, as `TextDecoder` knows them. */
export const encodingSchema = z
  .string()
  .refine((label) => charsetOf(label) !== null, "not the name of a character set, such as `windows-1252`");

/** Query parameters by name; a list sends the parameter once for each value. */
export const queryParamsSchema = z.record(z.string(), z.union([scalar, z.array(scalar)]));

/** What `queryParamsSchema` parses to. */
export type QueryParams = z.infer<typeof queryParamsSchema>;

/** An answer of 256 MiB with records of the usual kind holds about 20 million. */
export const usualBodyValues = 50_000_000;

/**
 * The keys of everything that makes requests: spread them into the schema of an input, an output or
 * a store. What they parse to is the `settings` of `openHttpClient`.
 */
export const httpSettingsShape = {
  headers: z
    .record(headerNameSchema, scalar)
    .default({})
    .describe("Headers sent with every request to the endpoint's own origin."),
  authentication: authenticationSchema.optional().describe("The credentials of the requests."),
  timeoutMs: milliseconds
    .default(30_000)
    .describe("Milliseconds to wait for a connection, for an answer to begin, and between two parts of it."),
  totalTimeoutMs: milliseconds
    .optional()
    .describe(
      "Milliseconds that one request may take, from its sending to the end of its answer. Raise it for slow exports. Default: ten times `timeoutMs`.",
    ),
  maxBodyBytes: z
    .int()
    .min(1)
    .default(268_435_456)
    .describe("The largest answer in bytes, after decompression. A larger one fails the run."),
  maxBodyValues: z
    .int()
    .min(1)
    .default(usualBodyValues)
    .describe(
      "How many values an answer may hold: texts, numbers, lists and objects, at any depth. It limits memory, because values take more memory than their text.",
    ),
  retry: retrySchema.prefault({}).describe("When a request is made again."),
  rateLimit: rateLimitSchema
    .optional()
    .describe("A limit on the requests: per second, or in any period of `perMs` milliseconds."),
};

export const httpSettingsSchema = z.strictObject(httpSettingsShape);

/** What `httpSettingsShape` parses to. */
export type HttpSettings = z.infer<typeof httpSettingsSchema>;
