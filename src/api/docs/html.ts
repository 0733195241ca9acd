import { type ErrorCode, errorCodes } from "../../errors.ts";
import { statusOf } from "../service/problems.ts";
import { type ApiDocument, documentSchema, type Operation, operationsOf } from "./document.ts";
import { codeBlock, escaped, jsonBlock, paragraphs, prose } from "./markup.ts";
import { operationHtml } from "./operation.ts";
import { script, styles } from "./style.ts";

/** The readable documentation: one page that loads nothing, made from the OpenAPI document. */
export function docsHtml(openApi: unknown): string {
  const document = documentSchema.parse(openApi);
  const operations = operationsOf(document);
  const sections = document.tags.map(({ name, description }) => ({
    name,
    description,
    operations: operations.filter(({ tags }) => tags.includes(name)),
  }));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(document.info.title)}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 10c2.5-4 4.5-4 7 0s4.5 4 7 0' fill='none' stroke='%230e7490' stroke-width='2.5' stroke-linecap='round'/%3E%3C/svg%3E">
<style>${styles}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<nav aria-label="Contents">${navigation(document, sections)}</nav>
<main id="main">
${introduction(document)}
${sections.map((section) => sectionHtml(document, section)).join("\n")}
${codesHtml()}
</main>
<script>${script}</script>
</body>
</html>`;
}

interface Section {
  readonly name: string;
  readonly description: string;
  readonly operations: readonly Operation[];
}

function navigation({ info }: ApiDocument, sections: readonly Section[]): string {
  const groups = sections.map(({ name, operations }) => {
    const links = operations.map(
      ({ operationId, method, summary }) =>
        `<li><a href="#${operationId}"><span class="method ${method}">${method.toUpperCase()}</span>${escaped(summary)}</a></li>`,
    );
    return `<section><h2>${escaped(name)}</h2><ul>${links.join("")}</ul></section>`;
  });
  return `<header><a class="brand" href="#main"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 10c2.5-4 4.5-4 7 0s4.5 4 7 0"/></svg>Tidemark</a><span class="version">${escaped(info.version)}</span></header>
<input type="search" id="filter" placeholder="Filter" aria-label="Filter the routes">
${groups.join("\n")}
<section><h2>Reference</h2><ul><li><a href="#errors">Error codes</a></li><li><a href="openapi.json">openapi.json</a></li></ul></section>`;
}

const walk = `# Begin: you are told where to read from, null the first time.
curl "$API/v1/streams/sap_eu/suppliers/begin" \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"run_id":"r1","cursor_type":"timestamp_utc"}'

# Read everything from there on, write it, then say how far you came.
curl "$API/v1/streams/sap_eu/suppliers/complete" \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"run_id":"r1","epoch":1,"new_cursor_value":"2026-03-01T08:00:00Z"}'

# Or that it failed: the next begin hands out the same bound.
curl "$API/v1/streams/sap_eu/suppliers/fail" \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"run_id":"r1","epoch":1,"error_summary":"the source answered 502"}'`;

function introduction({ info }: ApiDocument): string {
  return `<section class="intro">
<h1>${escaped(info.title)}</h1>
${paragraphs(info.description)}
${codeBlock(walk, "A run, from begin to end")}
</section>`;
}

function sectionHtml(document: ApiDocument, { name, description, operations }: Section): string {
  return `<section id="${name.toLowerCase()}">
<header class="section"><h2>${escaped(name)}</h2><p>${prose(description)}</p></header>
${operations.map((operation) => operationHtml(document, operation)).join("\n")}
</section>`;
}

const exampleProblem = {
  type: "../../../../docs#CURSOR_REGRESSION",
  title: "The new cursor lies before the committed watermark.",
  status: 422,
  code: "CURSOR_REGRESSION",
  detail:
    "the new cursor 2026-02-28T00:00:00Z of sap_eu/suppliers lies before the watermark 2026-03-01T08:00:00Z",
  hint: "A watermark only moves forward; use `tidemark state reset` or `rewind` to go back on purpose.",
  recoverable: false,
  stream: "sap_eu/suppliers",
  details: { watermark: "2026-03-01T08:00:00Z", new_cursor: "2026-02-28T00:00:00Z" },
  request_id: "0f8fad5b-d9cb-469f-a165-70867728950e",
};

function codesHtml(): string {
  const codes = Object.keys(statusOf)
    .filter((code): code is ErrorCode => code !== "ARGUMENT_INVALID" && Object.hasOwn(errorCodes, code))
    .map((code) => {
      const { meaning, hint, recoverable } = errorCodes[code];
      const statuses: Readonly<Partial<Record<ErrorCode, number>>> = statusOf;
      const again = recoverable ? '<span class="again">may succeed later</span>' : "";
      return `<div id="${code}"><dt><span class="status">${statuses[code]}</span><code>${code}</code>${again}</dt><dd><p>${prose(meaning)}</p><p class="hint">${prose(hint)}</p></dd></div>`;
    });
  return `<section id="errors">
<header class="section"><h2>Error codes</h2><p>${prose("Every failure is `application/problem+json`. Decide by `code`; `detail` and `hint` are for people. With 429 and 503 comes `Retry-After`.")}</p></header>
<article class="operation"><div class="told"><dl class="codes">${codes.join("\n")}</dl></div>
<div class="shown">${jsonBlock(exampleProblem, "422 Unprocessable Content")}</div></article>
</section>`;
}
