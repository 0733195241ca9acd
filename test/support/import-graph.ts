import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";

/** One file that imports another; both are named from the folder that was read. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** The relative imports of all TypeScript files in some folders of `root`, types and `import()` included. */
export function relativeImports(root: string, folders: readonly string[] = ["."]): Import[] {
  return folders
    .flatMap((folder) => typeScriptFiles(root, folder))
    .flatMap((from) =>
      specifiersIn(readFileSync(join(root, from), "utf8")).map((specifier) => ({
        from,
        to: normalize(join(dirname(from), specifier)),
      })),
    );
}

function typeScriptFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith(".ts") && !file.split(sep).some(isInstalled));
}

function isInstalled(name: string): boolean {
  return name === "node_modules" || name.startsWith(".");
}

/** What a file's text imports by a relative path. Examples in block comments do not count. */
export function specifiersIn(text: string): string[] {
  const code = text.replaceAll(/^\s*\/\*\*.*?\*\//gms, "");
  return [...code.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
}

/**
 * The circles among the imports, as `a → b → a`: a shortest one of each group of files that all reach each
 * other. Breaking it may leave others in the group, which then show.
 */
export function circlesAmong(imports: readonly Import[]): string[] {
  const graph = new Map<string, string[]>();
  for (const { from, to } of imports) {
    const known = graph.get(from);
    if (known === undefined) graph.set(from, [to]);
    else known.push(to);
  }
  return new Components(graph)
    .all()
    .map((group) => shortestCircle(group, graph))
    .filter((files) => files !== null)
    .map((files) => files.join(" → "))
    .sort();
}

/** The strongly connected components of a graph, by Tarjan's algorithm. */
class Components {
  readonly #graph: ReadonlyMap<string, readonly string[]>;
  /** The files that were visited, each with its number in the order of visits. */
  readonly #numbers = new Map<string, number>();
  readonly #stack: string[] = [];
  readonly #onStack = new Set<string>();
  readonly #found: ReadonlySet<string>[] = [];

  constructor(graph: ReadonlyMap<string, readonly string[]>) {
    this.#graph = graph;
  }

  all(): readonly ReadonlySet<string>[] {
    for (const file of this.#graph.keys()) if (!this.#numbers.has(file)) this.#visit(file);
    return this.#found;
  }

  #visit(file: string): number {
    const number = this.#numbers.size;
    let lowest = number;
    this.#numbers.set(file, number);
    this.#stack.push(file);
    this.#onStack.add(file);
    for (const next of this.#graph.get(file) ?? []) {
      const seen = this.#numbers.get(next);
      if (seen === undefined) lowest = Math.min(lowest, this.#visit(next));
      else if (this.#onStack.has(next)) lowest = Math.min(lowest, seen);
    }
    if (lowest === number) this.#found.push(this.#taken(file));
    return lowest;
  }

  /** Takes a component from the stack: everything down to the file that was visited first. */
  #taken(first: string): ReadonlySet<string> {
    const group = this.#stack.splice(this.#stack.lastIndexOf(first));
    for (const file of group) this.#onStack.delete(file);
    return new Set(group);
  }
}

/** From the group's first file by name back to it; null where that file imports none of the group. */
function shortestCircle(
  group: ReadonlySet<string>,
  graph: ReadonlyMap<string, readonly string[]>,
): string[] | null {
  const [start] = [...group].sort();
  if (start === undefined) return null;
  const paths: string[][] = [[start]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const next of graph.get(path.at(-1) ?? start) ?? []) {
      if (next === start) return [...path, start];
      if (seen.has(next) || !group.has(next)) continue;
      seen.add(next);
      paths.push([...path, next]);
    }
  }
  return null;
}
