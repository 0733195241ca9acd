import { type ApiDocument, nameOf, resolved, type SchemaNode } from "./document.ts";
import { escaped, prose } from "./markup.ts";

/** Deeper fields are told by their schema's name. */
const deepest = 3;

/** A table of an object's fields, with those of its objects below one another. */
export function fieldsTable(document: ApiDocument, node: SchemaNode, depth = 0): string {
  const { properties = {}, required = [] } = resolved(document, node);
  const rows = Object.entries(properties).map(([name, field]) =>
    fieldRow(document, { name, field, required: required.includes(name) }, depth),
  );
  return rows.length === 0 ? "" : `<dl class="fields">${rows.join("\n")}</dl>`;
}

export interface Field {
  readonly name: string;
  readonly field: SchemaNode;
  readonly required: boolean;
}

export function fieldRow(document: ApiDocument, { name, field, required }: Field, depth = 0): string {
  const node = resolved(document, field);
  const inner = node.items ?? field;
  const isPosition = nameOf(inner) === "Position" || name === "position";
  const nested = depth < deepest && !isPosition ? fieldsTable(document, inner, depth + 1) : "";
  const told = node.description === undefined ? "" : `<p>${prose(node.description)}</p>`;
  const below = nested === "" ? "" : `<details><summary>Fields</summary>${nested}</details>`;
  const needed = required ? '<span class="required">required</span>' : "";
  return `<div><dt><code>${escaped(name)}</code><span class="type">${typeOf(document, field)}</span>${needed}</dt><dd>${told}${values(node)}${below}</dd></div>`;
}

function typeOf(document: ApiDocument, given: SchemaNode): string {
  const node = resolved(document, given);
  const types = [node.type ?? "any"].flat();
  const named = types.map((type) => {
    if (type === "array") return `list of ${node.items === undefined ? "any" : typeOf(document, node.items)}`;
    return type === "object" ? "object" : type;
  });
  return escaped(named.join(" or "));
}

function values({ enum: choices, minimum, maximum }: SchemaNode): string {
  if (choices !== undefined) {
    const texts = choices
      .filter((choice) => choice !== null)
      .map((choice) => `<code>${escaped(String(choice))}</code>`);
    return `<p class="values">${texts.join(" · ")}</p>`;
  }
  if (minimum === undefined || maximum === undefined || maximum > 1e6) return "";
  return `<p class="values">${minimum} to ${maximum.toLocaleString("en")}</p>`;
}
