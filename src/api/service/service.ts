import { randomUUID } from "node:crypto";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { StateStore } from "../../state/contract.ts";
import { version } from "../../version.ts";
import { docsPaths, mountDocs } from "../docs/pages.ts";
import type { KeyStore } from "../keys/store.ts";
import { assertSeesAllConnectors } from "./access.ts";
import { type AuthenticationLimits, Authenticator } from "./authenticate.ts";
import { routes } from "./contracts.ts";
import { mountRoutes } from "./dispatch.ts";
import type { Env } from "./env.ts";
import { foreignPage } from "./foreign-pages.ts";
import { type ServiceLogger, silentLogger } from "./logger.ts";
import { problemOf, problemText, problemType } from "./problems.ts";
import { Readiness } from "./readiness.ts";
import { observed, type ServiceMetrics } from "./request-log.ts";
import { badRequest, requestGone } from "./requests.ts";

export interface ServiceOptions {
  /** Opened, and closed after the service, by whoever makes it. */
  readonly state: StateStore;
  /** Null allows everything without a key: for tests, and for a local service on loopback. */
  readonly keys: KeyStore | null;
  readonly clock?: Clock;
  readonly logger?: ServiceLogger;
  readonly metrics?: ServiceMetrics;
  /** Goes around the logging and everything after it, so that what is logged is part of the trace that it takes up. */
  readonly middleware?: readonly MiddlewareHandler<Env>[];
  readonly limits?: AuthenticationLimits;
}

/** The state service as a `hono` application; `serveService` gives it a port. */
export interface Service {
  /** Answers requests; more can be mounted on it. */
  readonly app: Hono<Env>;
  /** From now on `/readyz` answers 503, so that no further requests are sent here. */
  drain(): void;
}

/**
 * Makes the state service: every route of `contracts.ts`, `/openapi.json`, `/docs`, `/healthz` and
 * `/readyz`, and `/metrics` where metrics are given. It keeps nothing of its own but the counts of its
 * rate limits, so that any number of services on one database act as one.
 *
 * ```ts
 * const service = createService({ state, keys });
 * const response = await service.app.request("/v1/streams", { headers: { authorization: `Bearer ${key}` } });
 * ```
 */
export function createService(options: ServiceOptions): Service {
  const { state, keys, clock = systemClock, logger = silentLogger, metrics } = options;
  const readiness = new Readiness(state, clock);
  const authenticator = new Authenticator(keys, clock, logger, options.limits);
  const app = new Hono<Env>({ getPath: rawPath });

  app.use(withRequestId(readiness));
  for (const handler of options.middleware ?? []) app.use(handler);
  app.use(observed(clock, logger, metrics));
  if (keys === null) app.use(rejectForeignPages);

  app.get("/healthz", (context) => json(context, { status: "alive", version: version() }));
  app.get("/readyz", async (context) => {
    await readiness.assertReady();
    return json(context, { status: "ready", version: version() });
  });
  mountDocs(app, version(), { metrics: metrics?.scrape !== undefined });
  if (metrics?.scrape !== undefined) mountMetrics(app, metrics.scrape, authenticator);
  mountRoutes(app, { state, keys, authenticator });

  const open = metrics?.scrape === undefined ? openPages : [...openPages, "/metrics"];
  app.notFound((context) => problem(context, noRoute(context, open)));
  app.onError((error, context) => problem(context, error));
  return { app, drain: () => readiness.drain() };
}

const jsonType = "application/json; charset=utf-8";

/** An answer as JSON, numbers with all their digits. */
function json(context: Context<Env>, value: unknown): Response {
  return context.body(stringifyJson(value), 200, { "content-type": jsonType });
}

/**
 * The path as it was sent, without its query: a name that is percent-encoded must not be decoded
 * before the path is taken apart, and `..` inside a name must not move it.
 */
function rawPath(request: Request, bindings?: { env?: Env["Bindings"] }): string {
  const sent = bindings?.env?.incoming?.url;
  const target = sent?.startsWith("/") ? sent : request.url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");
  const path = /^[^?#]*/.exec(target)?.[0] ?? "";
  return path === "" ? "/" : path;
}

function withRequestId(readiness: Readiness): MiddlewareHandler<Env> {
  return async (context, next) => {
    const given = context.req.header("x-request-id");
    const id = given !== undefined && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    context.set("requestId", id);
    await next();
    context.header("x-request-id", id);
    context.header("x-content-type-options", "nosniff");
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
    // Clients with open connections must reconnect to another replica.
    if (readiness.isDraining) context.header("connection", "close");
  };
}

/** Without keys, requests of web pages in a browser on this machine are rejected: see `foreignPage`. */
const rejectForeignPages: MiddlewareHandler<Env> = async (context, next) => {
  const { method } = context.req;
  const header = (name: string): string | undefined =>
    context.req.header(name) ?? (name === "host" ? new URL(context.req.url).host : undefined);
  const problem = foreignPage({ method, header });
  if (problem !== null) {
    throw new TidemarkError("FORBIDDEN", problem, {
      hint: "Use http://127.0.0.1 or http://localhost, or start the service with keys.",
    });
  }
  await next();
};

function mountMetrics(
  app: Hono<Env>,
  scrape: NonNullable<ServiceMetrics["scrape"]>,
  authenticator: Authenticator,
): void {
  app.get("/metrics", async (context) => {
    assertSeesAllConnectors(await authenticator.admit(context, "read"));
    const { contentType, body } = await scrape();
    return context.body(body, 200, { "content-type": contentType });
  });
}

/** Nothing is at that address, or it does not take that method. */
function noRoute(context: Context<Env>, open: readonly string[]): unknown {
  const { path, method } = context.req;
  const methods = open.includes(path) ? ["GET", "HEAD"] : methodsAt(path);
  if (methods.length === 0) {
    return new TidemarkError("ROUTE_NOT_FOUND", `there is nothing at ${path.slice(0, 200)}`);
  }
  context.header("allow", methods.join(", "));
  return new TidemarkError(
    "METHOD_NOT_ALLOWED",
    `${method.slice(0, 50)} is not taken at ${path.slice(0, 200)}`,
  );
}

const openPages = ["/healthz", "/readyz", ...docsPaths];

function methodsAt(path: string): string[] {
  const found = Object.values(routes).filter((route) => pathForm(route.path).test(path));
  return [...new Set(found.flatMap(({ method }) => (method === "get" ? ["GET", "HEAD"] : ["POST"])))];
}

function pathForm(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`);
}

function problem(context: Context<Env>, thrown: unknown): Response {
  const made = problemOf(
    context.req.raw.signal.aborted ? requestGone() : thrown,
    context.get("requestId"),
    context.req.path,
  );
  if (made.isFault) context.set("thrown", thrown);
  context.set("code", made.body.code);
  for (const [name, value] of Object.entries(made.headers)) context.header(name, value);
  if (made.status === 401) context.header("www-authenticate", 'Bearer realm="tidemark"');
  context.header("content-type", problemType);
  return context.body(problemText(made.body), made.status);
}

/** The answer to a malformed request. */
export function unreadableRequest(): Response {
  const { body, status } = problemOf(badRequest("the request line or the host cannot be read"), undefined);
  return new Response(problemText(body), { status, headers: { "content-type": problemType } });
}
