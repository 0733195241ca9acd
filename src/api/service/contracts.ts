import { z } from "zod";
import { problem } from "../contracts/problem.ts";
import { streamRoutes, type WireRoute } from "../contracts/routes.ts";
import { reason, storableText } from "../contracts/values.ts";
import { keyAuditRecord, keyFields } from "../keys/wire.ts";

/**
 * Everything that the service takes and answers: the routes of the streams, which its clients share
 * (`api/contracts`), and those of the keys and of the service itself. Validation, types and the OpenAPI
 * document come from here and from nowhere else.
 */

const keyRecord = z
  .object(keyFields)
  .meta({ id: "Key", description: "An API key, without its secret, which is not stored." });

const issuedKey = z
  .object({
    ...keyFields,
    key: z.string().meta({
      description: "The key itself. It is shown this once and stored nowhere.",
      example: "tmk_3f9c2a7d51e04b86_…",
    }),
  })
  .meta({ id: "IssuedKey", description: "A new API key." });

export const createKeyRequest = z
  .strictObject({
    scope: keyFields.scope,
    connectors: keyFields.connectors.optional(),
    name: storableText.min(1).max(200).nullable().optional().meta({ description: "What people call it." }),
    expires_at_utc: z.iso.datetime({ offset: true }).nullable().optional().meta({
      description: "When it ends by itself; null or absent: never.",
      example: "2027-01-01T00:00:00Z",
    }),
  })
  .meta({
    id: "CreateKeyRequest",
    example: { scope: "run", connectors: ["sap_*"], name: "nightly SAP sync" },
  });

const keyParams = z.object({ id: keyFields.id });

export const keyRoutes = {
  whoami: {
    method: "get",
    path: "/v1/key",
    scope: "read",
    summary: "The key that is used",
    description: "What the key of this very request may do.",
    answer: keyRecord,
    refusals: [],
  },
  listKeys: {
    method: "get",
    path: "/v1/keys",
    scope: "admin",
    summary: "List the keys",
    description: "Revoked and expired ones too. For keys that are not bound to connectors.",
    answer: z.object({ items: z.array(keyRecord) }),
    refusals: [],
  },
  createKey: {
    method: "post",
    path: "/v1/keys",
    scope: "admin",
    summary: "Create a key",
    description: "The answer holds the key, this once. For keys that are not bound to connectors.",
    body: createKeyRequest,
    answer: issuedKey,
    refusals: [],
  },
  revokeKey: {
    method: "post",
    path: "/v1/keys/{id}/revoke",
    params: keyParams,
    scope: "admin",
    summary: "Revoke a key",
    description: "At once and for good; repeating it is harmless. For keys that are not bound to connectors.",
    body: z.strictObject({ reason: reason.optional() }).meta({ id: "RevokeKeyRequest" }),
    bodyOptional: true,
    answer: keyRecord,
    refusals: ["KEY_NOT_FOUND"],
  },
  keyAudit: {
    method: "get",
    path: "/v1/keys/audit",
    scope: "admin",
    summary: "The keys' audit log",
    description: "Who made and revoked which key. For keys that are not bound to connectors.",
    answer: z.object({ items: z.array(keyAuditRecord) }),
    refusals: [],
  },
} as const satisfies Record<string, WireRoute>;

/** Every route that needs a key. */
export const routes = { ...streamRoutes, ...keyRoutes } as const;
export type RouteName = keyof typeof routes;
type Routes = typeof routes;

type Parsed<Route, Part extends string> =
  Route extends Readonly<Record<Part, infer Schema extends z.ZodType>>
    ? z.output<Schema>
    : Readonly<Record<never, never>>;

/** What a route's handler is given: its parameters, its query and its body, checked. */
export interface Asked<Name extends RouteName> {
  readonly params: Parsed<Routes[Name], "params">;
  readonly query: Parsed<Routes[Name], "query">;
  readonly body: Parsed<Routes[Name], "body">;
}

/** What it answers. */
export type Answer<Name extends RouteName> = z.input<Routes[Name]["answer"]>;

/** Routes that need no key. */
export const status = z
  .object({ status: z.string().meta({ example: "ready" }), version: z.string().meta({ example: "0.1.0" }) })
  .meta({ id: "Status" });

export { problem };
