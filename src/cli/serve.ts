import { type Command, Option } from "commander";
import { logLevels } from "../observability/log.ts";
import { mostRetentionDays } from "../state/arguments.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument, started } from "./failure.ts";
import type { ServeOptions } from "./serve/serve.ts";

export const usualPort = 7733;

export function defineServe(command: Command): void {
  takesRetention(takesService(command))
    .option("--port <n>", "the port; 0 takes any that is free", parsePort, usualPort)
    .addOption(new Option("--log-level <level>", "what is told on stderr").choices(logLevels).default("info"))
    .action(async () => {
      const { serve } = await import("./serve/serve.ts");
      const options = optionsOf<ServeOptions>(command);
      await started(serve(options), options.json);
    });
  command.addHelpText(
    "after",
    `
Docs at /docs, OpenAPI 3.1 at /openapi.json, /metrics for Prometheus, /healthz and /readyz for whoever
runs it.
The first start makes an admin key and writes it to a file beside the state. On an address that other
machines reach, it starts only where there is a key already.
SIGTERM and Ctrl-C: no more connections, the requests at hand are answered, then it ends.
SIGHUP: the certificate is read again; it is also within seconds of a change.`,
  );
  examples(command, [
    ["tidemark serve", "on this machine, state in ./.tidemark/state.db"],
    ["tidemark serve --state postgres://… --host 0.0.0.0", "one of many replicas"],
    ["tidemark serve --tls-cert cert.pem --tls-key key.pem", "HTTPS"],
  ]);
}

/** Adds the options of the service but for its port, which every command that starts it takes. */
export function takesService(command: Command): Command {
  return command
    .option("--host <address>", "where to listen; 0.0.0.0 and :: are everywhere", "127.0.0.1")
    .option("--tls-cert <file>", "certificate chain as PEM, for HTTPS")
    .option("--tls-key <file>", "its private key")
    .option("--admin-key-file <file>", "where the first start writes the key; beside the state unless given")
    .option("--no-auth", "let anybody on this machine do anything; on loopback only")
    .option("--rate-limit <n>", "requests a second by one key", parseWhole("--rate-limit", 1), 2000)
    .option(
      "--max-connections <n>",
      "how many connections may be open at once; what waits longest for its client makes room",
      parseWhole("--max-connections", 1),
    )
    .option(
      "--drain-seconds <n>",
      "how long requests at hand may take at the end",
      parseWhole("--drain-seconds", 0),
      25,
    );
}

/** Adds how much of the history is kept. */
export function takesRetention(command: Command): Command {
  return command
    .option(
      "--keep-runs <n>",
      "how many runs of each stream's history to keep",
      parseWhole("--keep-runs", 1),
      1000,
    )
    .option(
      "--keep-days <n>",
      "for how many days to keep a run in the history",
      parseWhole("--keep-days", 1, mostRetentionDays),
    );
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw invalidArgument(`--port is ${text}`, "Give a number from 0 to 65535; 0 takes any that is free.");
}

function parseWhole(option: string, least: number, most?: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= (most ?? value)) return value;
    const range = most === undefined ? `from ${least}` : `from ${least} to ${most}`;
    throw invalidArgument(`${option} is ${text}`, `Give a whole number ${range}.`);
  };
}
