import type { Context, Hono } from "hono";
import { stringifyJson } from "../../model/json.ts";
import type { StateStore } from "../../state/contract.ts";
import type { WireRoute } from "../contracts/routes.ts";
import type { KeyStore } from "../keys/store.ts";
import { assertMaySee, assertSeesAllConnectors, type Principal } from "./access.ts";
import type { Authenticator } from "./authenticate.ts";
import { type RouteName, routes } from "./contracts.ts";
import type { Env } from "./env.ts";
import type { Call, Handlers } from "./handlers/handler.ts";
import { keyHandlers } from "./handlers/keys.ts";
import { streamHandlers } from "./handlers/streams.ts";
import { badRequest, checked, pathParams, queryFields, readBody } from "./requests.ts";

const handlers: Handlers<RouteName> = { ...streamHandlers, ...keyHandlers };

/** Bodies that hold a position may hold its tie set, thousands of them. */
const mostBytes = { usual: 1024 * 1024, withPosition: 8 * 1024 * 1024 };
const holdPositions: readonly RouteName[] = ["checkpoint", "complete", "import"];

export interface Backing {
  readonly state: StateStore;
  readonly keys: KeyStore | null;
  readonly authenticator: Authenticator;
}

/** Mounts every route that needs a key. */
export function mountRoutes(app: Hono<Env>, backing: Backing): void {
  for (const name of Object.keys(routes).filter(isRouteName)) mountRoute(app, name, backing);
}

function isRouteName(name: string): name is RouteName {
  return Object.hasOwn(routes, name);
}

function mountRoute<Name extends RouteName>(app: Hono<Env>, name: Name, backing: Backing): void {
  const route: WireRoute = routes[name];
  const path = route.path.replace(/\{(\w+)\}/g, ":$1");
  // Made once: a schema is compiled when it is first used.
  const strict = { ...route, query: route.query?.strict() };
  app.on(route.method.toUpperCase(), path, async (context) => {
    context.set("route", route.path);
    const principal = await backing.authenticator.admit(context, route.scope);
    const call = await callOf<Name>(context, name, strict, principal, backing);
    const answer = await handlers[name](call);
    noteRun(context, answer);
    return context.body(stringifyJson(answer), 200, { "content-type": "application/json; charset=utf-8" });
  });
}

/**
 * Checks the parts of the request. The connector comes first, so that a key without access learns nothing about the
 * rest.
 */
async function callOf<Name extends RouteName>(
  context: Context<Env>,
  name: Name,
  route: WireRoute,
  principal: Principal,
  { state, keys }: Backing,
): Promise<Call<Name>>;
async function callOf(
  context: Context<Env>,
  name: RouteName,
  route: WireRoute,
  principal: Principal,
  { state, keys }: Backing,
): Promise<unknown> {
  const { params, query, body } = route;
  const given = pathParams(route.path, context.req.path);
  const { connector, stream } = given;
  if (connector !== undefined) {
    assertMaySee(principal, connector);
    context.set("about", { connector, ...(stream === undefined ? {} : { stream }) });
  } else if (isAboutAll(name)) {
    assertSeesAllConnectors(principal);
  }
  return {
    state,
    keys,
    principal,
    params: params === undefined ? {} : checked(params, given, "path"),
    query: query === undefined ? {} : checked(query, queryFields(context.req.raw.url), "query"),
    body: body === undefined ? {} : await bodyOf(context, name, route),
  };
}

/** Routes about no one connector, except those that show only what the key may see. */
function isAboutAll(name: RouteName): boolean {
  return name !== "listStreams" && name !== "whoami";
}

async function bodyOf(context: Context<Env>, name: RouteName, route: WireRoute): Promise<unknown> {
  const most = holdPositions.includes(name) ? mostBytes.withPosition : mostBytes.usual;
  const { req, env } = context;
  const header = (name: string): string | undefined => req.header(name);
  const sent = await readBody({ raw: req.raw, incoming: env?.incoming, header }, most);
  if (sent === undefined && route.bodyOptional !== true) throw badRequest("the request has no body");
  const value = sent === undefined ? {} : sent;
  noteRun(context, value);
  return route.body === undefined ? {} : checked(route.body, value, "body");
}

/** Also of a body that is refused, the log says which run it was of. */
function noteRun(context: Context<Env>, body: unknown): void {
  if (typeof body !== "object" || body === null) return;
  const about = { ...context.get("about") };
  if ("run_id" in body && typeof body.run_id === "string") about.run_id = body.run_id.slice(0, 100);
  if ("epoch" in body && typeof body.epoch === "number") about.epoch = body.epoch;
  context.set("about", about);
}
