import { type Command, Option } from "commander";
import { type LogLevel, logLevels } from "../observability/log.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument, started } from "./failure.ts";
import { takesParams } from "./params.ts";
import { parsePort, takesRetention, takesService, usualPort } from "./serve.ts";
import type { StartOptions } from "./start/start.ts";

export function defineStart(command: Command): void {
  takesParams(command.argument("<path...>", "pipeline files with a schedule, or folders"));
  takesRetention(takesService(command))
    .option("--port <n>", "the service's port; 0 takes any free port", parsePort, usualPort)
    .option("--no-service", "run the schedules without the API")
    .option("--metrics-port <n>", "also serve /metrics on this port, without a key", parsePort)
    .option(
      "--max-concurrent <n>",
      "how many pipelines run at the same time",
      atLeastOne("--max-concurrent"),
      8,
    )
    .addOption(logLevelOption())
    .action(async (paths: string[]) => {
      const { start } = await import("./start/start.ts");
      const options = optionsOf<StartOptions>(command);
      await started(start(paths, options), options.json);
    });
  command.addHelpText(
    "after",
    `
Changed files are loaded within seconds. If a changed file has errors, its former pipelines go on running.
A pipeline that fails does not stop the others. If the failure may pass by itself, it is tried again.
SIGHUP: reads pipelines and certificates again at once.
SIGTERM and Ctrl-C: no new run begins, and running ones stop at their next checkpoint. A second signal
ends the process at once; nothing that was committed is lost.`,
  );
  examples(command, [
    ["tidemark start pipelines/", "all pipelines of the folder; API and /metrics on port 7733"],
    ["tidemark start events.yaml --no-service", "one pipeline, without the API"],
    ["tidemark start pipelines/ --state postgres://…", "state that several processes share"],
  ]);
}

export function logLevelOption(): Option {
  const usual: LogLevel = "info";
  return new Option("--log-level <level>", "what is logged on stderr").choices(logLevels).default(usual);
}

function atLeastOne(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= 1) return value;
    throw invalidArgument(`${option} is ${text}`, "Give a whole number from 1.");
  };
}
