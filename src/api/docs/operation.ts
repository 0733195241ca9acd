import { routePath } from "../contracts/routes.ts";
import { type ApiDocument, exampleOf, type Operation } from "./document.ts";
import { fieldRow, fieldsTable } from "./fields.ts";
import { codeBlock, escaped, jsonBlock, paragraphs, prose } from "./markup.ts";

/** One route as the page shows it: what it is for, what it takes and answers, and how to ask it. */
export function operationHtml(document: ApiDocument, operation: Operation): string {
  const { operationId, summary, method, path } = operation;
  const { scope, text } = scopeOf(operation.description ?? "");
  const badge =
    scope === null
      ? '<span class="scope open">no key</span>'
      : `<span class="scope ${scope}">${scope}</span>`;
  return `<article id="${operationId}" class="operation">
<div class="told">
<h3><a href="#${operationId}">${escaped(summary)}</a></h3>
<p class="address"><span class="method ${method}">${method.toUpperCase()}</span><code>${pathHtml(path)}</code>${badge}</p>
${paragraphs(text)}
${parametersHtml(document, operation)}
${bodyHtml(document, operation)}
${refusalsHtml(operation)}
</div>
<div class="shown">
${codeBlock(curlOf(document, operation), "curl")}
${answerHtml(document, operation)}
</div>
</article>`;
}

/** The scope stands as a line of its own at the description's end. */
function scopeOf(description: string): { scope: string | null; text: string } {
  const [, text = description, scope = null] = /^([\s\S]*?)\n*Scope: `(\w+)`\.$/.exec(description) ?? [];
  return { scope, text };
}

function pathHtml(path: string): string {
  return escaped(path).replace(/\{\w+\}/g, (name) => `<wbr><i>${name}</i>`);
}

function parametersHtml(document: ApiDocument, { parameters = [] }: Operation): string {
  const query = parameters.filter((parameter) => parameter.in === "query");
  if (query.length === 0) return "";
  const rows = query.map(({ name, required, schema }) =>
    fieldRow(document, { name, required, field: schema }),
  );
  return `<h4>Query</h4><dl class="fields">${rows.join("\n")}</dl>`;
}

function bodyHtml(document: ApiDocument, { requestBody }: Operation): string {
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return "";
  const optional = requestBody?.required === true ? "" : ' <span class="type">may be left out</span>';
  return `<h4>Body${optional}</h4>${fieldsTable(document, schema)}`;
}

/** Which status comes with which codes; what a code means is told once, further down. */
function refusalsHtml({ responses }: Operation): string {
  const rows = Object.entries(responses)
    .filter(([status]) => status !== "200")
    .map(([status, { description }]) => {
      const codes = [...description.matchAll(/^`([A-Z_]+)`/gm)].map(([, code = ""]) => code);
      const links = codes.map((code) => `<a href="#${code}"><code>${code}</code></a>`);
      return `<li><span class="status">${status}</span>${links.join(" ")}</li>`;
    });
  return rows.length === 0
    ? ""
    : `<details class="refusals"><summary>Refusals</summary><ul>${rows.join("")}</ul></details>`;
}

const longestLine = 50;

function curlOf(
  document: ApiDocument,
  { method, path, parameters = [], requestBody, security }: Operation,
): string {
  const examples = parameters
    .filter((parameter) => parameter.in === "path")
    .map(({ name, schema }) => [name, String(exampleOf(document, schema))] as const);
  const lines = [`curl "$API${routePath(path, Object.fromEntries(examples))}"`];
  if (security === undefined) lines.push('-H "Authorization: Bearer $KEY"');
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined && method === "post") lines.push("-X POST");
  if (schema !== undefined) {
    const example = exampleOf(document, schema);
    const short = JSON.stringify(example);
    const body = short.length > longestLine ? JSON.stringify(example, null, 2) : short;
    lines.push('-H "Content-Type: application/json"', `-d '${body.replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n  ");
}

function answerHtml(document: ApiDocument, { responses }: Operation): string {
  const answer = responses["200"];
  const schema = answer?.content?.["application/json"]?.schema;
  if (schema === undefined) return "";
  const fields = fieldsTable(document, schema);
  const about =
    fields === "" ? "" : `<details><summary>${prose("What the fields are")}</summary>${fields}</details>`;
  return jsonBlock(exampleOf(document, schema), "200 OK") + about;
}
