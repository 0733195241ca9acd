import { Argument, type Command, Option } from "commander";
import { examples, optionsOf } from "./commands.ts";
import type { InitOptions } from "./init/init.ts";
import { questions } from "./init/questions.ts";

export function defineInit(command: Command): void {
  command.addArgument(new Argument("[file]", "the file to write; named after the pipeline unless given"));
  for (const { flag, says, choices } of questions) {
    const option = new Option(flag, says);
    command.addOption(choices === undefined ? option : option.choices(choices.map(({ value }) => value)));
  }
  command
    .option("-y, --yes", "ask nothing and use the defaults (always so without a terminal)")
    .option("--force", "overwrite an existing file")
    .action(async (file: string | undefined) => {
      const { init } = await import("./init/init.ts");
      await init(file, optionsOf<InitOptions>(command));
    });
  examples(command, [
    ["tidemark init", "asks questions"],
    ["tidemark init --name events --endpoint https://api.example.com/events --yes", "asks nothing"],
    ["tidemark init --name orders --connection '${DATABASE_URL}' --table orders --output jsonl --yes", ""],
  ]);
}
