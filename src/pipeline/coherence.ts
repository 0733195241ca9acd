import type { Filter, Input, Output } from "../engine/ports.ts";
import { type Finding, settingError, settingWarning } from "../findings.ts";
import { isZero } from "../model/precision.ts";
import type { Frame } from "./schema.ts";

/**
 * Errors and warnings about settings that are each valid alone: an output that appends is exact only if a record that
 * is read again can be recognised.
 */
export function incoherencesOf(
  input: Input,
  output: Output,
  filters: readonly Pick<Filter, "kind" | "onError">[],
): Finding[] {
  return [
    ...letterProblems(output, filters),
    ...appendProblems(input, output),
    ...dedupeProblems(input, output),
    ...keyProblems(input, output, filters),
  ];
}

/** A pipeline of one stream runs one stream at a time. */
export function concurrencyProblems({ concurrency }: Pick<Frame, "concurrency">): Finding[] {
  if (concurrency === undefined) return [];
  const message = "`concurrency` is how many streams run at once, and `input.streams` declares none";
  const hint = "slices and partitions have a `concurrency` of their own";
  return [settingError("CONFIG_INCOHERENT", ["concurrency"], message, { part: "key", hint })];
}

function appendProblems({ incremental }: Input, output: Output): Finding[] {
  if (!output.appends) return [];
  const orReplace = output.toReplace === undefined ? "" : `, or ${output.toReplace}`;
  const { cursors, order, key, lookback, slices, dedupe } = incremental;
  if (cursors.length === 0) {
    const message = "no cursor is kept, so every run reads everything and appends it once more";
    return [
      settingWarning("NO_CURSOR", ["input"], message, { hint: `declare \`statePersistence\`${orReplace}` }),
    ];
  }
  const findings: Finding[] = [];
  if (lookback !== null && !isZero(lookback) && dedupe !== "window") {
    findings.push(
      settingError(
        "CONFIG_INCOHERENT",
        ["input", "statePersistence", "lookback"],
        "`lookback` reads records again, and this output would append them again",
        { part: "key", hint: `declare \`dedupe: window\` too, or remove it${orReplace}` },
      ),
    );
  }
  if (order !== "ascending" && key === null) {
    findings.push(
      settingError(
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
      settingError(
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
    const hint = "declare it here, or in a filter: by default the first record that is refused fails the run";
    return [settingError("CONFIG_INCOHERENT", ["output", "maxRefused"], message, { part: "key", hint })];
  }
  const filtersKeep = filters.map((filter) => filter.onError?.policy === "deadLetter");
  const keeps = onError?.policy === "deadLetter" || filtersKeep.includes(true);
  if (!keeps && onError?.deadLetters !== undefined) {
    const hint = "declare `onError: deadLetter` too, or declare it in a filter";
    return [
      settingError(
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
    return [
      settingError("CONFIG_INCOHERENT", ["filters", index, "onError"], message, { part: "value", hint }),
    ];
  });
}

/** Deliveries are known again by key and cursor, and only where the same output would add them twice. */
function dedupeProblems({ incremental }: Input, output: Output): Finding[] {
  const { dedupe, key, partitions } = incremental;
  if (dedupe !== "window") return [];
  const refuse = (message: string, hint: string): Finding[] => [
    settingError("CONFIG_INCOHERENT", ["input", "statePersistence", "dedupe"], message, {
      part: "key",
      hint,
    }),
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

/** Filters that leave the fields of a record where they are. */
const keepFields: ReadonlySet<string> = new Set(["condition", "set", "remove"]);

/**
 * The key of a table is a column, and a record's own fields become columns. A dotted key names none of them where the
 * input's own paths say that its first step is an object.
 */
function keyProblems(
  { kind, incremental }: Input,
  output: Output,
  filters: readonly Pick<Filter, "kind">[],
): Finding[] {
  if (output.upsertKey === undefined || kind !== "httpPolling") return [];
  if (!filters.every((filter) => keepFields.has(filter.kind))) return [];
  const paths = [...(incremental.key ?? []), ...incremental.cursors.map(({ path }) => path ?? [])];
  const objects = new Set(paths.filter(({ length }) => length > 1).map(([first]) => first));
  const wrong = output.upsertKey.find((name) => name.includes(".") && objects.has(name.split(".")[0]));
  if (wrong === undefined) return [];
  const [first = ""] = wrong.split(".");
  const target = wrong.split(".").at(-1) ?? "id";
  return [
    settingError(
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
