import { Console } from "node:console";
import { Command, CommanderError, Option } from "commander";
import { defaultStateUrl } from "../state/storage/open.ts";
import { version } from "../version.ts";
import { addCommands, type CommandEntry } from "./commands.ts";
import { exitCodes, reportFailure } from "./failure.ts";
import { outliveSignals } from "./hangup.ts";
import { flushed, keepStdout, note, outliveReaders, print, style } from "./terminal.ts";
import { watchUncaught } from "./uncaught.ts";

const pipelines = "Pipelines:";
const places = "State:";
const services = "Service:";

const commands: readonly CommandEntry[] = [
  {
    name: "init",
    summary: "Ask a few questions and write a pipeline",
    group: pipelines,
    load: async () => (await import("./init.ts")).defineInit,
  },
  {
    name: "validate",
    summary: "Check pipeline files and list all errors and warnings",
    group: pipelines,
    load: async () => (await import("./validate.ts")).defineValidate,
  },
  {
    name: "discover",
    summary: "List the tables of a database, with keys and cursors",
    group: pipelines,
    load: async () => (await import("./discover.ts")).defineDiscover,
  },
  {
    name: "run",
    summary: "Run pipelines once: fetch what changed and write it",
    group: pipelines,
    load: async () => (await import("./run.ts")).defineRun,
  },
  {
    name: "start",
    summary: "Run pipelines by their schedules, and serve the state",
    group: pipelines,
    load: async () => (await import("./start.ts")).defineStart,
  },
  {
    name: "backfill",
    summary: "Read a range of the past again, while live runs go on",
    group: pipelines,
    load: async () => (await import("./backfill.ts")).defineBackfill,
  },
  {
    name: "verify",
    summary: "Compare the source with the output",
    group: pipelines,
    load: async () => (await import("./verify.ts")).defineVerify,
  },
  {
    name: "stop",
    summary: "Ask a run to stop at its next checkpoint, wherever it works",
    group: pipelines,
    load: async () => (await import("./stop.ts")).defineStop,
  },
  {
    name: "deadletters",
    summary: "List, replay or discard refused records",
    group: pipelines,
    load: async () => (await import("./deadletters.ts")).defineDeadLetters,
  },
  {
    name: "state",
    summary: "Show, change, copy and restore the state of streams",
    group: places,
    load: async () => (await import("./state.ts")).defineState,
  },
  {
    name: "audit",
    summary: "Show who moved which watermark and why; verify the log",
    group: places,
    load: async () => (await import("./audit.ts")).defineAudit,
  },
  {
    name: "serve",
    summary: "Serve the state over HTTP, for workers in any language",
    group: services,
    load: async () => (await import("./serve.ts")).defineServe,
  },
  {
    name: "keys",
    summary: "Create, list and revoke API keys of the service",
    group: services,
    load: async () => (await import("./keys.ts")).defineKeys,
  },
];

const welcome = `
A first pipeline:
  $ tidemark init                  asks a few questions, writes the file
  $ tidemark run my-pipeline.yaml  fetches everything; the next run only what changed

Exit codes: 0 done or skipped, 1 the run failed, 2 the file or the command line is wrong.
Help on a command: tidemark help COMMAND`;

/** Runs the command line and ends the process with the design's exit codes. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  outliveReaders();
  outliveSignals();
  const json = asksForJson(argv);
  // The output of a pipeline's scripts must not mix with the JSON.
  if (json) {
    globalThis.console = new Console(process.stderr);
    keepStdout();
  }
  watchUncaught(({ thrown, userError }) => {
    if (!ending) void end(reportFailure(userError?.error ?? thrown, json));
    ending = true;
  });
  await end(executeCommand(argv));
}

/**
 * Executes a command line and resolves with its exit code. Leaves the process as it is: it neither ends it nor
 * listens to its signals and errors.
 */
export async function executeCommand(argv: readonly string[]): Promise<number> {
  const json = asksForJson(argv);
  let usage = "";
  const program = createProgram((text) => {
    usage += text;
  });
  try {
    await program.parseAsync(argv[0] === "help" ? [...argv.slice(1), "--help"] : [...argv], { from: "user" });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return reportFailure(thrown, json);
    if (thrown.exitCode === 0) return exitCodes.done;
    if (thrown.code === "commander.help" && !json) {
      note(usage);
      return exitCodes.wrongUse;
    }
    return reportFailure(thrown, json);
  }
}

let ending = false;

/** Ends the process with the exit code; later errors are not printed. */
async function end(outcome: Promise<number>): Promise<void> {
  const code = await outcome;
  await flushed();
  process.exit(code);
}

/** Whether errors are printed as JSON, also for an invalid command line. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? argv.length : end).includes("--json");
}

/** `writeError` receives the help that is shown where a command is missing. */
function createProgram(writeError: (text: string) => void): Command {
  const program = new Command("tidemark")
    .description("Copies new and changed records from an API or a database, and remembers how far it came.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .usage("COMMAND [options]")
    .addOption(
      new Option("--state <url>", "where state is stored: sqlite:PATH, postgres://…, file:FOLDER, https://…")
        .env("TIDEMARK_STATE")
        .default(defaultStateUrl),
    )
    .option("--json", "print JSON and nothing else on stdout")
    .addHelpText("after", welcome)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void print(text),
      writeErr: writeError,
      outputError: () => {},
    })
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (text) => style("bold", text),
      styleCommandText: (text) => style("cyan", text),
      styleOptionText: (text) => style("cyan", text),
    });
  addCommands(program, commands);
  return program;
}
