import type { Filter, Input, Output } from "../engine/ports.ts";
import { isZero } from "../model/precision.ts";
import { doubt, type Finding, mistake } from "./diagnostics.ts";
import type { InputConfig, PipelineConfig } from "./schema.ts";

/**
 * What is to be refused, or doubted, of settings that are each valid: an output that appends keeps
 * its promise only where a record that is read again can be known again.
 */
export function incoherencesOf(
  input: Input,
  output: Output,
  filters: readonly Pick<Filter, "onError">[],
): Finding[] {
  return [
    ...letterProblems(output, filters),
    ...appendProblems(input, output),
    ...dedupeProblems(input, output),
    ...cursorDoubts(input),
    ...sliceDoubts(input),
  ];
}

function appendProblems({ incremental }: Input, output: Output): Finding[] {
  if (!output.appends) return [];
  const orReplace = output.toReplace === undefined ? "" : `, or ${output.toReplace}`;
  const { cursors, order, key, lookback, slices, dedupe } = incremental;
  if (cursors.length === 0) {
    const message = "no cursor is kept, so every run reads everything and appends it once more";
    return [doubt("NO_CURSOR", ["input"], message, { hint: `declare \`statePersistence\`${orReplace}` })];
  }
  const findings: Finding[] = [];
  if (lookback !== null && !isZero(lookback) && dedupe !== "window") {
    findings.push(
      mistake(
        "CONFIG_INCOHERENT",
        ["input", "statePersistence", "lookback"],
        "`lookback` reads records again, and this output would append them again",
        { part: "key", hint: `declare \`dedupe: window\` beside it, or remove it${orReplace}` },
      ),
    );
  }
  if (order !== "ascending" && key === null) {
    findings.push(
      mistake(
        "CONFIG_INCOHERENT",
        ["input", "statePersistence"],
        `a source that is ${order} may have to be read again after a failure, and without a key this output would append its records again`,
        {
          part: "key",
          hint: `declare \`input.key\`, or \`order: ascending\` if the source sorts by the cursor${orReplace}`,
        },
      ),
    );
  } else if ((slices ?? null) !== null && key === null) {
    findings.push(
      mistake(
        "CONFIG_INCOHERENT",
        ["input", "statePersistence", "slices"],
        "a slice that fails is read again from its start, and without a key this output would append its records again",
        { part: "key", hint: `declare \`input.key\`${orReplace}` },
      ),
    );
  }
  return findings;
}

/** Letters are kept where the output says, also those of filters. */
export function letterProblems(output: Output, filters: readonly Pick<Filter, "onError">[]): Finding[] {
  const { onError } = output;
  const goesOn = [output, ...filters].some((part) => (part.onError?.policy ?? "fail") !== "fail");
  if (!goesOn && onError?.maxRefused !== undefined) {
    const message = "`output.maxRefused` is only used with `onError: skip` or `deadLetter`";
    const hint =
      "declare it beside, or in a filter: by default the first record that is refused fails the run";
    return [mistake("CONFIG_INCOHERENT", ["output", "maxRefused"], message, { part: "key", hint })];
  }
  const filtersKeep = filters.map((filter) => filter.onError?.policy === "deadLetter");
  const keeps = onError?.policy === "deadLetter" || filtersKeep.includes(true);
  if (!keeps && onError?.deadLetters !== undefined) {
    const hint = "declare `onError: deadLetter` beside it, or in a filter";
    return [
      mistake(
        "CONFIG_INCOHERENT",
        ["output", "deadLetter"],
        "`output.deadLetter` is only used with `onError: deadLetter`",
        {
          part: "key",
          hint,
        },
      ),
    ];
  }
  if (onError?.deadLetters !== undefined) return [];
  return filters.flatMap((filter, index) => {
    if (filter.onError?.policy !== "deadLetter" || filter.onError.deadLetters !== undefined) return [];
    const message = `\`filters[${index}].onError: deadLetter\` needs a file to write to, and the output declares none`;
    const hint = "declare `deadLetter: { path }` under `output`";
    return [mistake("CONFIG_INCOHERENT", ["filters", index, "onError"], message, { part: "value", hint })];
  });
}

/** Deliveries are known again by key and cursor, and only where the same output would add them twice. */
function dedupeProblems({ incremental }: Input, output: Output): Finding[] {
  const { dedupe, key, partitions } = incremental;
  if (dedupe !== "window") return [];
  const refuse = (message: string, hint: string): Finding[] => [
    mistake("CONFIG_INCOHERENT", ["input", "statePersistence", "dedupe"], message, { part: "key", hint }),
  ];
  if (!output.appends) {
    return refuse("this output does not append, so nothing read again is added again", "remove it");
  }
  if ((partitions ?? null) !== null) {
    return refuse(
      "partitions have a lookback each, and deliveries are kept for the stream",
      ["remove it with the lookback", ...(output.toReplace === undefined ? [] : [output.toReplace])].join(
        ", or ",
      ),
    );
  }
  return key === null
    ? refuse("a delivery is known again by its key, and none is declared", "declare `input.key`")
    : [];
}

/** How a database sorts texts is told by the doubts of its query; a connector's own cursors must rise. */
function cursorDoubts({ kind, incremental }: Input): Finding[] {
  if (kind === "database" || kind === "module" || incremental.cursors[0]?.type !== "text") return [];
  const message = "texts are compared by code point; a source that sorts them in another way loses records";
  return [doubt("TEXT_ORDER", ["input", "statePersistence", "id"], message)];
}

/** What is cut has two ends: the first run's lower one must be declared, and only times have a present. */
function sliceDoubts({ kind, incremental }: Input): Finding[] {
  const { slices, start, cursors } = incremental;
  if ((slices ?? null) === null) return [];
  const place = ["input", "statePersistence", "slices"];
  if (kind === "httpPolling" && cursors[0]?.type === "numeric_id") {
    const message =
      "how far the ids of an API go is not known beforehand, so only backfills are cut into slices";
    return [doubt("SLICES_UNUSED", place, message, { part: "key" })];
  }
  if ((start ?? null) !== null) return [];
  const message = "without a `start` the first run has no lower end, and is read in one piece";
  const hint = "declare `statePersistence.start`: a date, or a length of time such as `P365D`";
  return [doubt("SLICES_UNUSED", place, message, { part: "key", hint })];
}

/**
 * A source that sorts by when records changed takes each that changes to its end, and all behind its
 * old place a place forward: past the border of a page that is counted. Told only where records do change:
 * they are replaced in the output, or the cursor's name says so.
 */
export function pagingDoubts(input: InputConfig, output: Output): Finding[] {
  if (input.type !== "httpPolling") return [];
  const {
    pagination,
    statePersistence: { order, timestamp },
  } = input;
  if (pagination?.type !== "page" && pagination?.type !== "offset") return [];
  if (order !== "ascending" || !timestamp?.enabled) return [];
  const isReplaced = output.upsertKey !== undefined;
  if (!isReplaced && !namesChange(timestamp.field)) return [];
  const message = `a record that changes while ${pagination.type === "page" ? "pages" : "offsets"} are counted moves to the end, and another slips past a page's border unread`;
  const hint = "use `pagination: { type: seek }`, or page tokens, if the source has them";
  return [doubt("PAGES_SHIFT", ["input", "pagination", "type"], message, { part: "value", hint })];
}

/** A parameter that counts pages leads far past the end, if it is given the number of a record. */
export function pagingUnitDoubts(input: InputConfig): Finding[] {
  if (input.type !== "httpPolling" || input.pagination?.type !== "offset") return [];
  const { param } = input.pagination;
  if (!/^(?:current[_-]?)?(?:p|pg|page)(?:[_-]?(?:no|nr|num|number|index)|\[number\])?$/i.test(param))
    return [];
  const message = `\`type: offset\` sends the number of a record, and \`${param}\` is by its name the number of a page: the second request would then ask for a page far past the end, and the read end there`;
  const hint = "declare `type: page`, unless the parameter does count records";
  return [doubt("PAGING_UNIT", ["input", "pagination", "param"], message, { part: "value", hint })];
}

/** `updated_at`, `lastModified`, `SystemModstamp`, `changed_on`: the time of a change, and not of the beginning. */
function namesChange(field: string): boolean {
  return /updat|modif|modstamp|chang|edit|touch|revis/i.test(field.split(".").at(-1) ?? "");
}

/**
 * Two bounds are sent, and how the source joins them is its own affair. One that requires both never gives a record
 * again that changes and has an id below the highest. What a query does is told by the doubts of the query.
 */
export function combinedCursorDoubts(input: InputConfig): Finding[] {
  if (input.type !== "httpPolling") return [];
  const { timestamp, id } = input.statePersistence;
  if (!timestamp?.enabled || !id?.enabled) return [];
  const message = `the source is asked by \`${timestamp.queryParam}\` and \`${id.queryParam}\` together: if it requires both, a record that changes does not come again where its id is below the highest one`;
  const hint = "leave `id` out, unless the source compares the two as one pair, or its records never change";
  return [doubt("CURSORS_COMBINED", ["input", "statePersistence", "id"], message, { hint })];
}

/** Filters that leave the fields of a record where they are. */
const keepFields: ReadonlySet<string> = new Set(["condition", "set", "remove"]);

/**
 * The key of a table is a column, and a record's own fields become columns. A dotted key names none of them where the
 * input's own paths say that its first step is an object.
 */
export function keyMistakes(
  { filters }: Pick<PipelineConfig, "filters">,
  { kind, incremental }: Input,
  output: Output,
): Finding[] {
  if (output.upsertKey === undefined || kind !== "httpPolling") return [];
  if (!filters.every(({ type }) => keepFields.has(type))) return [];
  const paths = [...(incremental.key ?? []), ...incremental.cursors.map(({ path }) => path ?? [])];
  const objects = new Set(paths.filter(({ length }) => length > 1).map(([first]) => first));
  const wrong = output.upsertKey.find((name) => name.includes(".") && objects.has(name.split(".")[0]));
  if (wrong === undefined) return [];
  const [first = ""] = wrong.split(".");
  const target = wrong.split(".").at(-1) ?? "id";
  return [
    mistake(
      "CONFIG_INCOHERENT",
      ["output", "key"],
      `\`${wrong}\` is no column: records have an object \`${first}\`, which becomes one column`,
      {
        part: "value",
        hint: `give it a field of its own, and use \`key: ${target}\`: \`filters: [{ type: mapping, keepUnmapped: true, mappings: [{ source: ${wrong}, target: ${target} }] }]\``,
      },
    ),
  ];
}
