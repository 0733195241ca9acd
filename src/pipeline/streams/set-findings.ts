import type { ConfigPath, Finding } from "../../findings.ts";
import type { ExpandedStream } from "./expand.ts";

/** Findings that differ only by their stream, of which each is listed. */
const mostListed = 10;

/** A finding at its place in the file, and the streams that have it. */
interface Found {
  readonly finding: Finding;
  readonly streams: ExpandedStream[];
}

/**
 * The findings of a document's streams, each place once: an error of the base is that of every stream. Of findings that
 * differ only by the stream, the first ten are listed.
 */
export class SetFindings {
  readonly #found = new Map<string, Found>();

  /** Findings about the list, and the document, by paths of the file. */
  addFile(findings: readonly Finding[]): void {
    for (const finding of findings) this.#add(finding, null);
  }

  /** Findings about a stream, by paths of its own document. */
  addStream(stream: ExpandedStream, findings: readonly Finding[]): void {
    for (const finding of findings) this.#add({ ...finding, path: stream.placeOf(finding.path) }, stream);
  }

  #add(finding: Finding, stream: ExpandedStream | null): void {
    const { path, part, code, message, hint, offset } = finding;
    const key = JSON.stringify([path, part, code, message, hint, offset]);
    const found = this.#found.get(key) ?? { finding, streams: [] };
    this.#found.set(key, found);
    if (stream !== null && found.streams.at(-1) !== stream) found.streams.push(stream);
  }

  get hasErrors(): boolean {
    return [...this.#found.values()].some(({ finding }) => finding.severity === "error");
  }

  /** All of them with the first stream that each is about, for a document of so many streams. */
  list(count: number): { readonly finding: Finding; readonly stream: ExpandedStream | null }[] {
    const alike = new Map<string, Found[]>();
    for (const found of this.#found.values()) {
      const key = likeness(found);
      alike.set(key, [...(alike.get(key) ?? []), found]);
    }
    return [...alike.values()].flatMap((group) =>
      group.slice(0, mostListed).map(({ finding, streams }, index) => {
        const more = index === mostListed - 1 ? group.length - mostListed : 0;
        const rest = more === 0 ? "" : `; and so in ${more} more ${more === 1 ? "stream" : "streams"}`;
        const message = `${finding.message}${ofWhich(finding.path, streams, count)}${rest}`;
        return { finding: { ...finding, message }, stream: streams[0] ?? null };
      }),
    );
  }
}

/** What findings have in common that differ only by the stream. */
function likeness({ finding, streams: [stream] }: Found): string {
  const { path, code, message } = finding;
  const isOwn = stream !== undefined && isIn(path, stream.at);
  return JSON.stringify([isOwn, isOwn ? path.slice(stream.at.length) : path, code, message]);
}

/** Which streams a setting of the base does not fit, where it fits others. */
function ofWhich(path: ConfigPath, streams: readonly ExpandedStream[], count: number): string {
  const [first] = streams;
  if (first === undefined || streams.length === count || isIn(path, first.at)) return "";
  const names = streams.slice(0, 3).map(({ name }) => `\`${name}\``);
  const more = streams.length - names.length;
  if (more > 0) names.push(`${more} more`);
  const list = new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names);
  return ` (in the ${streams.length === 1 ? "stream" : "streams"} ${list})`;
}

function isIn(path: ConfigPath, holder: ConfigPath): boolean {
  return holder.every((step, index) => path[index] === step);
}
