/**
 * The target of the first link with `rel=next` in a `Link` header (RFC 8288), or null. Links about another context
 * (`anchor`) are skipped.
 */
export function nextLink(header: string | undefined): string | null {
  return linkOf(header, ["next"]);
}

/** As `nextLink`, of the page before. */
export function previousLink(header: string | undefined): string | null {
  return linkOf(header, ["prev", "previous"]);
}

function linkOf(header: string | undefined, names: readonly string[]): string | null {
  for (const { target, relations, isEmpty } of linksOf(header))
    if (!isEmpty && relations.some((name) => names.includes(name))) return target;
  return null;
}

/** Whether a `Link` header has links to other pages of the same list. */
export function hasPageLinks(header: string | undefined): boolean {
  for (const { relations } of linksOf(header)) if (relations.some((name) => pages.has(name))) return true;
  return false;
}

const pages: ReadonlySet<string> = new Set(["next", "prev", "previous", "first", "last"]);

interface Link {
  readonly target: string;
  readonly relations: readonly string[];
  /** Whether the source marks the link as empty, as Sentry does with `results="false"`. */
  readonly isEmpty: boolean;
}

function* linksOf(header: string | undefined): Generator<Link> {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(link)) {
    const values = new Map<string, string>();
    for (const [, name = "", quoted, plain = ""] of parameters.matchAll(parameter)) {
      const key = name.toLowerCase();
      // The first occurrence of a parameter counts, as the standard says.
      if (!values.has(key)) values.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain);
    }
    const relations = (values.get("rel") ?? "").toLowerCase().split(/\s+/);
    const isEmpty = values.get("results")?.toLowerCase() === "false";
    if (!values.has("anchor")) yield { target: target.trim(), relations, isEmpty };
  }
}

const link = /<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g;
const parameter = /;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g;
