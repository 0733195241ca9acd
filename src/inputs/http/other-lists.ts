import type { Incremental, Warn } from "../../engine/ports.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import { formatPath, isRecord, type Path, parsePath, valueAt } from "../../model/record.ts";
import type { Facts } from "./facts.ts";
import { showsZero } from "./shown-nothing.ts";

/** Names of lists next to the records that never hold records. */
const asides =
  /^_?(?:links?|errors?|warnings?|messages?|notices?|alerts?|facets?|aggregations?|filters?|sorts?|suggestions?|included|meta(?:data)?)$/i;

/** With more names than this, the lists are not a fixed set. */
const mostKept = 20;

/**
 * Watches for a source that moves its list of records to another path. Once the list was present, an answer without it
 * means "nothing new", which would then hold forever. So the lists of objects next to the records are stored as facts,
 * and another list in an answer without records causes a warning.
 */
export class OtherLists {
  readonly #dataField: Path;
  readonly #recordFields: readonly Path[];
  readonly #facts: Facts;
  readonly #warn: Warn;

  /**
   * `dataField` is null where the answer is the list: then nothing is next to it. `incremental` names the fields of
   * records.
   */
  constructor(
    dataField: Path | null,
    { key, cursors }: Pick<Incremental, "key" | "cursors">,
    facts: Facts,
    warn: Warn,
  ) {
    this.#dataField = dataField ?? [];
    this.#recordFields = [...(key ?? []), ...cursors.flatMap(({ path }) => (path === null ? [] : [path]))];
    this.#facts = facts;
    this.#warn = warn;
  }

  /** Call with every answer that counts as a page. */
  see(body: unknown): void {
    if (this.#dataField.length === 0) return;
    const found = [...siblingLists(body, this.#dataField)];
    const list = valueAt(body, this.#dataField);
    if (Array.isArray(list)) {
      if (list.length > 0) this.#facts.learn(this.#heldFact);
      else this.#warnOfNeverHeld(body, found);
      for (const path of found.slice(0, mostKept)) this.#facts.learn(`beside:${path}`);
      return;
    }
    const moved = found.find((path) => !this.#facts.has(`beside:${path}`));
    if (moved === undefined) return;
    const expected = formatPath(this.#dataField);
    this.#warn(
      "LIST_ABSENT",
      `the answer has no list at \`${expected}\`, which was taken for nothing new, and has a list of objects at \`${moved}\` that was never next to the records before: if the source has moved its records, set \`dataField: ${moved}\` and read what was missed with \`tidemark backfill\``,
    );
  }

  /** Whether the first object of a list has the declared key and cursors. */
  #mayHoldRecords(body: unknown, path: string): boolean {
    const list = valueAt(body, parsePath(path));
    const [first] = Array.isArray(list) ? list : [];
    return this.#recordFields.every((field) => (valueAt(first, field) ?? null) !== null);
  }

  /** The fact that the list has held a record. */
  get #heldFact(): string {
    return `held:${formatPath(this.#dataField)}`;
  }

  /** A list that has never held a record may be the wrong one, if another list holds objects that look like records. */
  #warnOfNeverHeld(body: unknown, found: readonly string[]): void {
    if (this.#facts.has(this.#heldFact)) return;
    const other = found.find(
      (path) => !this.#facts.has(`beside:${path}`) && this.#mayHoldRecords(body, path),
    );
    if (other === undefined || showsZero({ body, headers: new Map(), dataField: this.#dataField })) return;
    this.#warn(
      "LIST_ABSENT",
      `the list at \`${formatPath(this.#dataField)}\` is empty, no run of this stream has seen a record in it, and \`${other}\` is a list of objects: if the records are there, set \`dataField: ${other}\``,
    );
  }
}

/** The dotted paths of lists of objects on the way to the records, and in the objects next to it. */
function* siblingLists(body: unknown, way: Path): Generator<string> {
  let around = body;
  for (let depth = 0; depth < way.length && isRecord(around); depth++) {
    const before = way.slice(0, depth);
    for (const [name, value] of Object.entries(around)) {
      if (name === way[depth] || asides.test(name)) continue;
      if (holdsObjects(value)) yield formatPath([...before, name]);
      if (!isRecord(value)) continue;
      for (const [inner, list] of Object.entries(value)) {
        if (!asides.test(inner) && holdsObjects(list)) yield formatPath([...before, name, inner]);
      }
    }
    around = around[way[depth] ?? ""];
  }
}

function holdsObjects(value: unknown): boolean {
  return Array.isArray(value) && isPlainObject(value[0]);
}
