import { type Command, Option } from "commander";
import { invalidArgument } from "./failure.ts";

export type Params = Readonly<Record<string, string>>;

/** Adds `--param`, which takes precedence over environment variables of the same name. */
export function takesParams(command: Command): Command {
  const option = new Option("-p, --param <name=value>", "set ${NAME} in the pipeline; can be repeated");
  return command.addOption(option.argParser(collect).default({}, "the environment"));
}

function collect(text: string, before: Params): Params {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw invalidArgument("a --param is not of the form NAME=VALUE", "Write --param REGION=eu.");
  }
  return { ...before, [name]: value };
}
