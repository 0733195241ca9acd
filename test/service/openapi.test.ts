import { expect, it } from "vitest";
import { z } from "zod";
import type { WireRoute } from "../../src/api/contracts/routes.ts";
import { openApiDocument } from "../../src/api/docs/openapi.ts";
import { type RouteName, routes } from "../../src/api/service/contracts.ts";
import { problemIn, type Running, startService } from "./support.ts";

const names = Object.keys(routes).filter((name): name is RouteName => Object.hasOwn(routes, name));

function walk(value: unknown, visit: (key: string, value: unknown) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    visit(key, inner);
    walk(inner, visit);
  }
}

it("the document tells of every route, and of no other", () => {
  const document = openApiDocument("1.2.3", { metrics: true });
  const told = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  const here = names.map((name) => `${routes[name].method} ${routes[name].path}`);
  expect(told.sort()).toEqual([...here, "get /healthz", "get /readyz", "get /metrics"].sort());
  expect(document.openapi).toBe("3.1.0");
});

it("each reference leads somewhere, and each operation has a name of its own", () => {
  const document = openApiDocument("1.2.3", { metrics: true });
  const operations: unknown[] = [];
  walk(document, (key, value) => {
    if (key === "operationId") operations.push(value);
    if (key !== "$ref") return;
    const name = String(value).replace("#/components/schemas/", "");
    expect(Object.keys(document.components?.schemas ?? {})).toContain(name);
  });
  expect(new Set(operations).size).toBe(operations.length);
});

it.each(names)("%s: its example is one that it takes, and every field is explained", (name) => {
  const { body }: WireRoute = routes[name];
  if (body === undefined) return;
  const { example } = z
    .object({ example: z.unknown() })
    .parse({ example: undefined, ...z.globalRegistry.get(body) });
  if (example !== undefined) expect(body.safeParse(example).error).toBeUndefined();
});

it("what a service hands out is that document, and docs that load nothing from anywhere", async () => {
  const service = await startService();
  const document = await service.ask("GET", "/openapi.json");
  expect(document.json).toMatchObject({ openapi: "3.1.0", info: { title: "Tidemark state service" } });
  const docs = await service.ask("GET", "/docs");
  expect(docs.headers.get("content-type")).toContain("text/html");
  expect(docs.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(docs.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  const codes = new Set(docs.text.match(/id="[A-Z_]+"/g));
  expect([...codes]).toContain('id="CURSOR_REGRESSION"');
  const loaded = [...docs.text.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map((match) => `/${match[1]}`);
  expect(loaded).toHaveLength(4);
  for (const path of loaded) {
    const file = await service.ask("GET", path);
    expect(file.status).toBe(200);
    expect(file.headers.get("content-type")).toMatch(/^text\/(?:css|javascript); charset=utf-8$/);
    expect(file.text.length).toBeGreaterThan(100);
  }
});

it("a service tells of /metrics where it has them, and knows no such address where not", async () => {
  const scrape = async () => ({ contentType: "text/plain; version=0.0.4", body: "a 1\n" });
  const paths = z.object({ paths: z.record(z.string(), z.unknown()) });
  const told = async (service: Running) =>
    paths.parse((await service.ask("GET", "/openapi.json")).json).paths;
  const measured = await startService({ metrics: { observeRequest() {}, scrape } });
  expect(await told(measured)).toHaveProperty([
    "/metrics",
    "get",
    "responses",
    "200",
    "content",
    "text/plain",
  ]);
  expect((await measured.ask("GET", "/metrics")).text).toBe("a 1\n");
  expect((await measured.ask("POST", "/metrics")).status).toBe(405);
  const plain = await startService();
  expect(await told(plain)).not.toHaveProperty(["/metrics"]);
  expect(problemIn(await plain.ask("GET", "/metrics"))).toMatchObject({
    status: 404,
    code: "ROUTE_NOT_FOUND",
  });
});
