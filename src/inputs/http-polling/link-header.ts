/**
 * The target of the first link with `rel=next` in a `Link` header (RFC 8288), or null. Links about
 * another context (`anchor`) are passed over.
 */
export function nextLink(header: string | undefined): string | null {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(link)) {
    const values = new Map<string, string>();
    for (const [, name = "", quoted, plain = ""] of parameters.matchAll(parameter)) {
      const key = name.toLowerCase();
      // The first occurrence of a parameter counts, as the standard says.
      if (!values.has(key)) values.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain);
    }
    const relations = (values.get("rel") ?? "").toLowerCase().split(/\s+/);
    if (relations.includes("next") && !values.has("anchor")) return target.trim();
  }
  return null;
}

const link = /<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g;
const parameter = /;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g;
