import type { Command } from "commander";
import { stringifyJson } from "../../model/json.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { counted } from "../format.ts";
import { formatFields } from "../table.ts";
import { print, printJson, shown, style } from "../terminal.ts";
import { type LettersOptions, lettersOfFiles, nameOfLetter, statusJson, takesLetters } from "./letters.ts";

export function defineShow(command: Command): void {
  takesLetters(
    command
      .argument("<file>", "the pipeline file")
      .argument("<id>", "the id of the record, as `list` shows it"),
  ).action((file: string, id: string) => show(file, id, optionsOf<LettersOptions>(command)));
  examples(command, [
    ["tidemark deadletters show orders.yaml Zk3…", ""],
    ["tidemark deadletters show orders.yaml Zk3… --json | jq .record", "the record, with every digit"],
  ]);
}

async function show(
  file: string,
  id: string,
  options: ReturnType<typeof optionsOf<LettersOptions>>,
): Promise<void> {
  const of = await lettersOfFiles([file], options);
  for (const { pipeline, store } of of) {
    const entry = store.entries(pipeline.key).entries.find((one) => one.id === id);
    if (entry === undefined) continue;
    const letter = store.letter(entry);
    if (options.json) return printJson({ ...letter, ...statusJson(entry) });
    const { marked } = entry;
    const fields: [string, string | null][] = [
      ["id", letter.id],
      ["record", nameOfLetter(letter, pipeline)],
      ["stream", `${letter.connector}/${letter.stream}`],
      ["partition", letter.partition],
      ["cursor", letter.cursor],
      ["refused by", letter.by ?? letter.stage],
      ["first at", entry.time],
      ["last at", letter.time],
      ["run", letter.run],
      ["code", letter.code],
      ["field", letter.field],
      ["HTTP status", letter.status === null ? null : String(letter.status)],
      ["reason", letter.reason],
      [
        "status",
        entry.tries === 0 ? entry.status : `${entry.status}, after ${counted(entry.tries, "replay")} in vain`,
      ],
      ["last mark", marked === null ? null : `${marked.mark} at ${marked.time} by ${marked.actor}`],
      ["said", marked?.reason ?? null],
    ];
    const known = fields.flatMap(([name, value]): [string, string][] =>
      value === null ? [] : [[name, shown(value)]],
    );
    await print(formatFields(known, (name) => style("dim", name)));
    return print(`${printable(stringifyJson(letter.record))}\n`);
  }
  throw invalidArgument(
    `${of.map(({ store }) => store.place).join(", ")} holds no letter ${id}`,
    "See `tidemark deadletters list FILE --closed`.",
  );
}

/** JSON escapes control characters up to U+001F; terminals obey those from U+0080 on as well. */
function printable(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
