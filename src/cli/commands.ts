import type { Command } from "commander";

/** A command's name and description; the rest is loaded when it is called. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** The heading in the help under which it is listed. */
  readonly group?: string;
  /** Gives the command its arguments, options, help and action. */
  readonly load: () => Promise<(command: Command) => void>;
}

/** Adds commands to the program or to a command that has commands of its own. */
export function addCommands(parent: Command, entries: readonly CommandEntry[]): void {
  for (const { name, summary, group } of entries) {
    const command = parent.command(name).summary(summary).description(`${summary}.`);
    if (group !== undefined) command.helpGroup(group);
  }
  parent.hook("preSubcommand", async (_, command) => {
    const entry = entries.find(({ name }) => name === command.name());
    (await entry?.load())?.(command);
  });
}

/** The options that every command takes. */
export interface GlobalOptions {
  readonly state: string;
  readonly json: boolean;
}

/** The options given to a command, its own and the global ones; the command declares what they are. */
export function optionsOf<Own>(command: Command): Own & GlobalOptions {
  const given = command.optsWithGlobals<Own & GlobalOptions>();
  return { ...given, json: given.json ?? false };
}

/** Examples at the end of a command's help: what is typed, and what it does. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): void {
  const typed = Math.max(...lines.map(([line]) => line.length).filter((length) => length <= longestAligned));
  const text = lines.map(([line, says]) => `  $ ${line.padEnd(typed)}   ${says}`.trimEnd());
  command.addHelpText("after", ["", "Examples:", ...text].join("\n"));
}

/** The description of a longer line follows directly after it. */
const longestAligned = 60;
