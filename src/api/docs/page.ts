import { html } from "hono/html";
import { type ErrorCode, errorCodes } from "../../errors.ts";
import { statusOf } from "../service/problems.ts";

/**
 * The page at `/docs`: Swagger UI over `openapi.json`, and the error codes below it, which the `type` of each
 * problem links to. All addresses are relative, so that the page also works behind a path prefix.
 */
export function docsPage(title: string) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/page.css">
</head>
<body>
<main>
<div id="routes" data-document="openapi.json"><noscript>The routes are in <a href="openapi.json">openapi.json</a>.</noscript></div>
<section id="errors">
<h2>Error codes</h2>
<p>Every failure is <code>application/problem+json</code>. Decide by <code>code</code>; <code>detail</code> and
<code>hint</code> are for people. Answers with status 429 and 503 carry <code>Retry-After</code>.</p>
<dl>
${answeredCodes().map(entry)}
</dl>
</section>
</main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>`;
}

const statuses: Readonly<Partial<Record<ErrorCode, number>>> = statusOf;

/** The codes that the service answers with. */
function answeredCodes(): ErrorCode[] {
  return Object.keys(statusOf).filter(
    (code): code is ErrorCode => code !== "ARGUMENT_INVALID" && Object.hasOwn(errorCodes, code),
  );
}

function entry(code: ErrorCode) {
  const { meaning, hint, recoverable } = errorCodes[code];
  return html`<dt id="${code}"><code>${code}</code> ${statuses[code]}${recoverable ? ", may succeed later" : ""}</dt>
<dd><p>${withCode(meaning)}</p><p>${withCode(hint)}</p></dd>
`;
}

/** A sentence of the error table, where \`…\` marks code. */
function withCode(sentence: string) {
  return sentence.split("`").map((part, at) => (at % 2 === 0 ? part : html`<code>${part}</code>`));
}

/** Starts the viewer, in light or in dark as the browser asks. A key that is typed in is kept until the page is closed. */
export const pageScript = `const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  url: document.getElementById("routes").dataset.document,
  dom_id: "#routes",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  validatorUrl: null,
  persistAuthorization: false,
  onComplete() {
    const target = document.getElementById(location.hash.slice(1));
    if (target !== null) target.scrollIntoView();
  },
});
`;

/** The part of the page that is not the viewer's. */
export const pageStyles = `html { background: #fff; color: #1f2933; }
html.dark-mode { color: #e4e6e6; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
#errors { max-width: 1460px; margin: 0 auto; padding: 0 20px 60px; box-sizing: border-box; }
#errors dt { margin-top: 1.2em; font-weight: 600; }
#errors dd { margin: 0; max-width: 46em; }
#errors dd p { margin: 0.2em 0; overflow-wrap: anywhere; }
#errors dt:target { background: #fff3bf; color: #1f2933; }
`;
