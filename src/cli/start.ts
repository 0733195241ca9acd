import { type Command, Option } from "commander";
import { type LogLevel, logLevels } from "../observability/log.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument, started } from "./failure.ts";
import { takesParams } from "./params.ts";
import { parsePort, takesRetention, takesService, usualPort } from "./serve.ts";
import type { StartOptions } from "./start/start.ts";

export function defineStart(command: Command): void {
  takesParams(command.argument("<path...>", "pipeline files with a schedule, or folders that hold them"));
  takesRetention(takesService(command))
    .option("--port <n>", "the service's port; 0 takes any that is free", parsePort, usualPort)
    .option("--no-service", "run the schedules only, without the API")
    .option("--metrics-port <n>", "give /metrics on a port of its own too, without a key", parsePort)
    .option("--max-concurrent <n>", "how many pipelines may run at once", atLeastOne("--max-concurrent"), 8)
    .addOption(logLevelOption())
    .action(async (paths: string[]) => {
      const { start } = await import("./start/start.ts");
      const options = optionsOf<StartOptions>(command);
      await started(start(paths, options), options.json);
    });
  command.addHelpText(
    "after",
    `
Files that change are taken up while it runs; one with mistakes leaves what it held before running.
A pipeline that fails touches no other. One that failed in a way that may pass is tried again.
SIGHUP: pipelines and certificates are read again; they are also within seconds of a change.
SIGTERM and Ctrl-C: nothing more begins, and what runs stops at its next checkpoint. Once more ends it
at once, which loses nothing that was committed.`,
  );
  examples(command, [
    ["tidemark start pipelines/", "every pipeline of the folder, by its schedule; API and /metrics on 7733"],
    ["tidemark start events.yaml --no-service", "one pipeline, and nothing that listens"],
    ["tidemark start pipelines/ --state postgres://…", "with state that many processes share"],
  ]);
}

export function logLevelOption(): Option {
  const usual: LogLevel = "info";
  return new Option("--log-level <level>", "what is told on stderr").choices(logLevels).default(usual);
}

function atLeastOne(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= 1) return value;
    throw invalidArgument(`${option} is ${text}`, "Give a whole number from 1.");
  };
}
