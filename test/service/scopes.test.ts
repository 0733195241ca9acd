import { describe, expect, it } from "vitest";
import { routePath, scopes, type WireRoute } from "../../src/api/contracts/routes.ts";
import { type RouteName, routes } from "../../src/api/service/contracts.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { problemIn, startService } from "./support.ts";

const names = Object.keys(routes).filter((name): name is RouteName => Object.hasOwn(routes, name));

const run = { run_id: "r1", epoch: 1 };
const exported = {
  cursor_type: "numeric_id",
  position: { format: 1, watermark: "5", secondaryCursors: {}, window: null, tieSet: [], coverage: [] },
  metadata: null,
};

/** A body for each route that takes one, such that it gets past everything but the key. */
const bodies: Partial<Record<RouteName, object>> = {
  begin: { cursor_type: "numeric_id" },
  checkpoint: { ...run, sequence: 1, new_cursor_value: 1 },
  heartbeat: run,
  complete: { ...run, new_cursor_value: 1 },
  fail: { ...run, error_summary: "test" },
  stop: { reason: "test" },
  reset: { reason: "test" },
  rewind: { to_run_id: "r1", reason: "test" },
  import: { state: exported, reason: "test" },
  prune: { keep_runs: 1 },
  pruneAll: { keep_runs: 1 },
  createKey: { scope: "read" },
};

const aboutAll: readonly RouteName[] = [
  "auditLog",
  "verifyAudit",
  "pruneAll",
  "listKeys",
  "createKey",
  "revokeKey",
  "keyAudit",
];

/** Keys that a route is tried with: none at all, and of each scope, bound and not. */
const bindings = [
  { name: "every connector", connectors: null },
  { name: "this connector", connectors: ["sap_eu"] },
  { name: "a pattern that it matches", connectors: ["other", "sap_*"] },
  { name: "another connector", connectors: ["acme"] },
];

/** A stream that is there, and the path of a route about it. */
async function prepared() {
  const state = openMemoryState();
  const service = await startService({ state });
  for (const connector of ["acme", "sap_eu"]) {
    const key = { connector, stream: "suppliers" };
    const begun = await state.begin(key, { cursorType: "numeric_id", runId: "r1" });
    await state.complete(begun, { newCursor: "5" });
  }
  return service;
}

function requestOf(name: RouteName, connector = "sap_eu"): { method: string; path: string; body?: object } {
  const route: WireRoute = routes[name];
  const params = { connector, stream: "suppliers", partition: "p1", id: "key_0000000000000000" };
  const body = bodies[name];
  return {
    method: route.method.toUpperCase(),
    path: routePath(route.path, params),
    ...(body === undefined ? {} : { body }),
  };
}

describe.each(names)("the route %s", (name) => {
  const route: WireRoute = routes[name];

  it("answers 401 without a key, and with one that is none of the service's", async () => {
    const service = await prepared();
    const { method, path, body } = requestOf(name);
    const wrong = `tmk_${"0".repeat(16)}_${"A".repeat(43)}`;
    for (const authorization of ["", "Bearer", `Bearer ${wrong}`, `Basic ${wrong}`, "Bearer \u00e4", wrong]) {
      const answered = await service.ask(method, path, { body, headers: { authorization } });
      expect(problemIn(answered)).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
      expect(answered.headers.get("www-authenticate")).toContain("Bearer");
    }
  });

  it.each(
    scopes.flatMap((scope) => bindings.map((binding) => ({ scope, ...binding, binding: binding.name }))),
  )("takes a key of scope $scope bound to $binding where both allow it", async ({ scope, connectors }) => {
    const service = await prepared();
    const { method, path, body } = requestOf(name);
    const before = await service.state.get({ connector: "sap_eu", stream: "suppliers" });
    const answered = await service.ask(method, path, { key: await service.key(scope, connectors), body });
    const scopeAllows = scopes.indexOf(scope) >= scopes.indexOf(route.scope);
    const isOfStream = route.path.includes("{connector}");
    const sees = connectors === null || connectors.some((pattern) => /^sap_/.test(pattern));
    const bindingAllows = isOfStream ? sees : connectors === null || !aboutAll.includes(name);
    if (scopeAllows && bindingAllows) {
      expect([401, 403]).not.toContain(answered.status);
      expect(answered.status).toBeLessThan(500);
    } else {
      expect(problemIn(answered)).toMatchObject({ status: 403, code: "FORBIDDEN" });
      // Refused is untouched.
      expect(await service.state.get({ connector: "sap_eu", stream: "suppliers" })).toEqual(before);
    }
  });
});

const ofStreams = names.filter((name) => routes[name].path.includes("{connector}"));

it.each(ofStreams)("a bound key cannot tell by %s whether another connector has a stream", async (name) => {
  const service = await prepared();
  const key = await service.key("admin", ["acme"]);
  const told = [];
  for (const connector of ["sap_eu", "sap_xx"]) {
    const { method, path, body } = requestOf(name, connector);
    const answered = problemIn(await service.ask(method, path, { key, body }));
    told.push(JSON.stringify({ ...answered, request_id: "" }).replaceAll(connector, "…"));
  }
  expect(told[0]).toBe(told[1]);
});
