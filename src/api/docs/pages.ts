import { createHash } from "node:crypto";
import { docsHtml } from "./html.ts";
import { type DocumentParts, openApiDocument } from "./openapi.ts";
import { script, styles } from "./style.ts";

/** `/openapi.json` and `/docs`, each made when it is first asked for. */
export class DocsPages {
  readonly #version: string;
  readonly #parts: DocumentParts;
  #openApi: string | undefined;
  #html: string | undefined;

  constructor(version: string, parts: DocumentParts) {
    this.#version = version;
    this.#parts = parts;
  }

  get openApi(): string {
    this.#openApi ??= JSON.stringify(openApiDocument(this.#version, this.#parts));
    return this.#openApi;
  }

  get html(): string {
    this.#html ??= docsHtml(openApiDocument(this.#version, this.#parts));
    return this.#html;
  }

  /** Nothing is loaded from anywhere, and nothing else may run in the page. */
  readonly headers = {
    "content-security-policy": `default-src 'none'; style-src '${hashOf(styles)}'; script-src '${hashOf(script)}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
