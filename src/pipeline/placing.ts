import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type ParsedNode,
  Scalar,
} from "yaml";
import type { Finding, Placed } from "../findings.ts";

export type YamlNode = ParsedNode | null;

export function asNode(value: unknown): YamlNode {
  return isScalar(value) || isCollection(value) || isAlias(value) ? (value as ParsedNode) : null;
}

/** The text of a map's key; null where it is a list or a map itself. */
export function keyText(key: unknown): string | null {
  if (key === null) return "";
  if (!isScalar(key)) return null;
  return key.value === null ? "" : String(key.value);
}

/** Finds the position of each value of a document in its file. */
export class Placing {
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #document: Document.Parsed;

  constructor(text: string, lines: LineCounter, document: Document.Parsed) {
    this.#text = text;
    this.#lines = lines;
    this.#document = document;
  }

  /** The finding at a place of the file, counted in characters from 0. */
  at(place: number, finding: Finding): Placed {
    const { line, col } = this.#lines.linePos(place);
    return { ...finding, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** The finding at the key or value that its path leads to, or at the last of its steps that exists. */
  byPath(finding: Finding): Placed {
    let node = asNode(this.#document.contents);
    let place = node?.range[0] ?? 0;
    for (const [index, step] of finding.path.entries()) {
      const entry = entryAt(isAlias(node) ? asNode(node.resolve(this.#document)) : node, step);
      if (entry === null) return this.at(place, finding);
      const pointsAtValue = index === finding.path.length - 1 && finding.part === "value";
      node = entry.value;
      place = (pointsAtValue ? ownPlace(node) : undefined) ?? entry.start;
    }
    return this.at(place + this.#within(node, finding), finding);
  }

  /** The finding at a node that is at hand. */
  byNode(node: YamlNode, finding: Finding): Placed {
    const start = node?.range[0];
    return start === undefined ? this.byPath(finding) : this.at(start + this.#within(node, finding), finding);
  }

  /** How far from a scalar's first character the finding's place in its text lies. */
  #within(node: YamlNode, { offset, part }: Finding): number {
    if (offset === undefined || part === "key" || !isScalar(node) || typeof node.value !== "string") return 0;
    const [start, end] = node.range;
    const raw = this.#text.slice(start, end);
    const whole = raw.indexOf(node.value);
    if (whole !== -1) return whole + offset;
    return node.type === Scalar.BLOCK_LITERAL ? withinBlock(raw, node.value, offset) : 0;
  }
}

function entryAt(holder: YamlNode, step: string | number): { start: number; value: YamlNode } | null {
  if (isSeq(holder) && typeof step === "number") {
    const value = asNode(holder.items[step]);
    return value === null ? null : { start: value.range[0], value };
  }
  if (!isMap(holder)) return null;
  const pair = holder.items.find((item) => keyText(item.key) === String(step));
  const start = asNode(pair?.key)?.range[0];
  return start === undefined ? null : { start, value: asNode(pair?.value) };
}

/** The start of a value on the same line as its key; for a block below, the key's position is used. */
function ownPlace(node: YamlNode): number | undefined {
  if (node === null || (isCollection(node) && node.flow !== true)) return undefined;
  return isScalar(node) && node.source === "" && node.type === Scalar.PLAIN ? undefined : node.range[0];
}

/** In a `|` block every line of the text is a line of the file, behind the same indent. */
function withinBlock(raw: string, value: string, offset: number): number {
  const before = value.slice(0, offset).split("\n");
  const lines = raw.split("\n");
  const indent = /^ */.exec(lines.slice(1).find((line) => line.trim() !== "") ?? "")?.[0].length ?? 0;
  const above = lines.slice(0, before.length).join("\n").length + 1;
  return above + indent + (before.at(-1)?.length ?? 0);
}
