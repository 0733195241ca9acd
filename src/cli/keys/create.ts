import { type Command, Option } from "commander";
import { type Scope, scopes } from "../../api/contracts/routes.ts";
import type { NewKey } from "../../api/keys/store.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { actor } from "../state-access.ts";
import { note, print, printJson, shown, style } from "../terminal.ts";
import { withKeys } from "./access.ts";

interface CreateOptions {
  readonly scope: Scope;
  readonly connector?: readonly string[];
  readonly name?: string;
  readonly expires?: string;
}

export function defineCreate(command: Command): void {
  command
    .addOption(
      new Option("--scope <scope>", "read: look at streams; run: also run them; admin: everything")
        .choices(scopes)
        .makeOptionMandatory(),
    )
    .option(
      "--connector <pattern>",
      "allow only these connectors; * and ? are wildcards; can be repeated (default: all)",
      (pattern: string, before: readonly string[] | undefined) => [...(before ?? []), pattern],
    )
    .option("--name <text>", "a name for people")
    .option("--expires <when>", "a date or time (2027-01-01), or a time from now (90d, 12h) (default: never)")
    .action(() => create(optionsOf(command)));
  command.addHelpText(
    "after",
    "\nThe key is printed on stdout and cannot be shown again: only its hash is stored.",
  );
  examples(command, [
    ["tidemark keys create --scope run --connector sap_eu --expires 90d", ""],
    ["tidemark keys create --scope read --name dashboards > dashboards.key", "only the key, into a file"],
  ]);
}

async function create(options: ReturnType<typeof optionsOf<CreateOptions>>): Promise<void> {
  const wanted = newKeyOf(options, Date.now());
  await withKeys(options.state, async (keys) => {
    const { id, key, scope, record } = await keys.create(wanted, actor());
    if (options.json) return printJson({ id, key, scope });
    const bound = record.connectors === null ? "every connector" : record.connectors.map(shown).join(", ");
    const until = record.expiresAtUtc === null ? "until it is revoked" : `until ${record.expiresAtUtc}`;
    note(`${style("bold", id, process.stderr)}  scope ${scope}, ${bound}, ${until}\n`);
    note("This is the key. It is shown this once:\n");
    await print(`${key}\n`);
  });
}

const longestText = 200;

function newKeyOf(options: CreateOptions, now: number): NewKey {
  for (const pattern of options.connector ?? []) assertUsableText("--connector", pattern);
  if (options.name !== undefined) assertUsableText("--name", options.name);
  return {
    scope: options.scope,
    connectors: options.connector ?? null,
    name: options.name ?? null,
    expiresAtUtc: options.expires === undefined ? null : expiryOf(options.expires, now),
  };
}

function assertUsableText(option: string, text: string): void {
  const usable =
    text.trim() !== "" && text.length <= longestText && text.isWellFormed() && !text.includes("\0");
  if (!usable)
    throw invalidArgument(`${option} cannot be "${shown(text)}"`, `Give 1 to ${longestText} characters.`);
}

const milliseconds = new Map([
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
]);

/** `2027-01-01`, `2027-01-01T12:00:00Z`, or how long from now: `90d`, `12h`. */
function expiryOf(text: string, now: number): string {
  const [, amount, unit = ""] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const length = milliseconds.get(unit);
  const at = length === undefined ? momentOf(text) : now + Number(amount) * length;
  if (Number.isNaN(at)) {
    throw invalidArgument(
      `--expires is "${shown(text)}"`,
      "Give a date (2027-01-01), a time with its zone, or 90d.",
    );
  }
  if (at <= now)
    throw invalidArgument(`--expires is "${shown(text)}", which is over`, "Give a time to come.");
  return new Date(at).toISOString();
}

function momentOf(text: string): number {
  const form = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
  return form.test(text) ? Date.parse(text) : Number.NaN;
}
