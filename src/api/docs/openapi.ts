import { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { type ErrorCode, errorCodes } from "../../errors.ts";
import type { WireRoute } from "../contracts/routes.ts";
import { problem, type RouteName, routes, status } from "../service/contracts.ts";
import { statusOf } from "../service/problems.ts";

/** The headings of the routes, in order. */
const tags: readonly {
  readonly name: string;
  readonly description: string;
  readonly routes: readonly RouteName[];
}[] = [
  {
    name: "Runs",
    description: "begin → checkpoint → complete or fail. Every one of these requests can be repeated.",
    routes: ["begin", "checkpoint", "heartbeat", "complete", "fail", "stop"],
  },
  {
    name: "Streams",
    description: "The current state of streams, and the history of their runs.",
    routes: [
      "listStreams",
      "getStream",
      "runs",
      "partitions",
      "partition",
      "coverage",
      "backfills",
      "export",
    ],
  },
  {
    name: "Operators",
    description: "Acts by hand, audited with their reason.",
    routes: ["reset", "rewind", "import", "prune", "pruneAll"],
  },
  {
    name: "Audit",
    description: "Who moved which watermark, when and why; append-only and chained by hashes.",
    routes: ["audit", "verifyStreamAudit", "auditLog", "verifyAudit"],
  },
  {
    name: "Keys",
    description: "API keys, which only keys that are not bound to connectors may manage.",
    routes: ["whoami", "listKeys", "createKey", "revokeKey", "keyAudit"],
  },
];

const introduction = `Fenced state for incremental syncs: one durable, typed cursor for each stream.

A worker **begins** a run and gets the lower bound to read from, sends **checkpoints** on the way, and
**completes** with the new cursor. A run that another has taken over is refused from then on, so that a
worker which wakes up late can do no harm.

Requests carry \`Authorization: Bearer KEY\`. Connector and stream names are any text; in a path each is one
percent-encoded segment. Every failure is \`application/problem+json\` with a \`code\` to decide by and a
\`hint\` on what to do; [the codes](#errors) are listed below the routes.

### A run, from begin to end

\`\`\`sh
# Begin: the answer says where to read from. It is null the first time.
curl "$API/v1/streams/sap_eu/suppliers/begin" \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"run_id":"r1","cursor_type":"timestamp_utc"}'

# Read everything from there on, write it, then say how far you came.
curl "$API/v1/streams/sap_eu/suppliers/complete" \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"run_id":"r1","epoch":1,"new_cursor_value":"2026-03-01T08:00:00Z"}'

# Or say that it failed: the next begin gives the same lower bound.
curl "$API/v1/streams/sap_eu/suppliers/fail" \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"run_id":"r1","epoch":1,"error_summary":"the source answered 502"}'
\`\`\``;

/** The optional parts of a service. */
export interface DocumentParts {
  readonly metrics: boolean;
}

/** The OpenAPI 3.1 document of the whole service. */
export function openApiDocument(version: string, { metrics }: DocumentParts) {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key, made by `tidemark keys create`.",
  });
  for (const tag of tags) {
    for (const name of tag.routes) registry.registerPath(described(name, routes[name], tag.name));
  }
  for (const [path, summary] of openPaths) registry.registerPath(openPath(path, summary));
  if (metrics) registry.registerPath(metricsPath);
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Tidemark state service",
      version,
      description: introduction,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "." }],
    security: [{ key: [] }],
    tags: [
      ...tags.map(({ name, description }) => ({ name, description })),
      { name: "Service", description: "For those who run it." },
    ],
  });
}

type Path = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];

function described(name: RouteName, route: WireRoute, tag: string): Path {
  const { params, query, body } = route;
  return {
    method: route.method,
    path: route.path,
    operationId: name,
    tags: [tag],
    summary: route.summary,
    description: `${route.description}\n\nScope: \`${route.scope}\`.`,
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(body === undefined ? {} : { body: jsonBody(body, route.bodyOptional !== true) }),
    },
    responses: {
      200: { description: "Done.", content: { "application/json": { schema: route.answer } } },
      ...refusals(route),
    },
  };
}

function jsonBody(schema: z.ZodType, required: boolean) {
  return { required, content: { "application/json": { schema } } };
}

/** What any route may answer, by where it takes its input from. */
function usualRefusals(route: WireRoute): ErrorCode[] {
  const { body } = route;
  return [
    ...(takesInput(route) ? (["INVALID_REQUEST"] as const) : []),
    "UNAUTHORIZED",
    "FORBIDDEN",
    ...(body === undefined ? [] : (["BODY_TOO_LARGE", "MEDIA_TYPE_UNSUPPORTED"] as const)),
    "RATE_LIMITED",
    "STATE_UNAVAILABLE",
  ];
}

function takesInput({ body, params, query }: WireRoute): boolean {
  return body !== undefined || params !== undefined || query !== undefined;
}

function refusals(route: WireRoute): Path["responses"] {
  const byStatus = new Map<number, ErrorCode[]>();
  const statuses: Readonly<Partial<Record<ErrorCode, number>>> = statusOf;
  if (takesInput(route)) byStatus.set(400, ["INVALID_REQUEST"]);
  for (const code of [...route.refusals, ...usualRefusals(route)]) {
    // Stored state that cannot be read is a fault; a position that was sent and cannot be is not.
    const answered =
      code.startsWith("STATE_") && code !== "STATE_UNAVAILABLE" ? 422 : (statuses[code] ?? 500);
    byStatus.set(answered, [...(byStatus.get(answered) ?? []), code]);
  }
  const entries = [...byStatus]
    .sort(([a], [b]) => a - b)
    .map(([code, codes]) => [code, problemResponse(codes)] as const);
  return Object.fromEntries(entries);
}

function problemResponse(codes: readonly ErrorCode[]) {
  return {
    description: codes.map((code) => `\`${code}\`: ${errorCodes[code].meaning}`).join("\n\n"),
    content: { "application/problem+json": { schema: problem } },
  };
}

const openPaths = [
  ["/healthz", "Whether the process is alive"],
  ["/readyz", "Whether it is ready for requests"],
] as const;

function openPath(path: string, summary: string): Path {
  return {
    method: "get",
    path,
    operationId: path.slice(1),
    tags: ["Service"],
    summary,
    security: [],
    responses: {
      200: { description: "It is.", content: { "application/json": { schema: status } } },
      ...(path === "/readyz" ? { 503: problemResponse(["STATE_UNAVAILABLE"]) } : {}),
    },
  };
}

const metricsPath: Path = {
  method: "get",
  path: "/metrics",
  operationId: "metrics",
  tags: ["Service"],
  summary: "Metrics for Prometheus",
  description: "In its text format. For keys that are not bound to connectors.\n\nScope: `read`.",
  responses: {
    200: {
      description: "Every series as of now.",
      content: { "text/plain": { schema: z.string().meta({ example: "tidemark_runs_active 1" }) } },
    },
    401: problemResponse(["UNAUTHORIZED"]),
    403: problemResponse(["FORBIDDEN"]),
    429: problemResponse(["RATE_LIMITED"]),
    503: problemResponse(["STATE_UNAVAILABLE"]),
  },
};
