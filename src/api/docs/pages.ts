import type { Hono } from "hono";
import type { Env } from "../service/env.ts";
import { type DocumentParts, openApiDocument } from "./openapi.ts";
import { docsPage, pageScript, pageStyles } from "./page.ts";
import { readViewerFile, type ViewerFile, viewerFiles } from "./viewer-files.ts";

/** Addresses of the documentation, which need no key. */
export const docsPaths: readonly string[] = [
  "/openapi.json",
  "/docs",
  "/docs/page.js",
  "/docs/page.css",
  ...Object.keys(viewerFiles).map((name) => `/docs/${name}`),
];

/** The page only loads resources of this service; the viewer adds inline styles. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders = {
  "content-security-policy": contentSecurityPolicy,
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** Mounts `/openapi.json`, and `/docs` with what it loads. Each is made when it is first asked for. */
export function mountDocs(app: Hono<Env>, version: string, parts: DocumentParts): void {
  const document = once(() => JSON.stringify(openApiDocument(version, parts)));
  app.get("/openapi.json", (context) =>
    context.body(document(), 200, { "content-type": "application/json; charset=utf-8" }),
  );
  app.get("/docs", (context) => context.html(docsPage("Tidemark state service"), 200, pageHeaders));
  mountFile(app, "page.js", "text/javascript; charset=utf-8", () => pageScript);
  mountFile(app, "page.css", "text/css; charset=utf-8", () => pageStyles);
  for (const [name, type] of Object.entries(viewerFiles)) {
    if (isViewerFile(name)) mountFile(app, name, type, () => readViewerFile(name));
  }
}

function isViewerFile(name: string): name is ViewerFile {
  return Object.hasOwn(viewerFiles, name);
}

function mountFile(
  app: Hono<Env>,
  name: string,
  contentType: string,
  make: () => string | Uint8Array<ArrayBuffer>,
): void {
  const content = once(make);
  app.get(`/docs/${name}`, (context) =>
    context.body(content(), 200, { "content-type": contentType, "cache-control": "no-cache" }),
  );
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
