import { type Command, Option } from "commander";
import { logLevels } from "../observability/log.ts";
import { mostRetentionDays } from "../state/arguments.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument, started } from "./failure.ts";
import type { ServeOptions } from "./serve/serve.ts";

export const usualPort = 7733;

export function defineServe(command: Command): void {
  takesRetention(takesService(command))
    .option("--port <n>", "the port; 0 takes any free port", parsePort, usualPort)
    .addOption(
      new Option("--log-level <level>", "the least severe level that is logged to stderr")
        .choices(logLevels)
        .default("info"),
    )
    .action(async () => {
      const { serve } = await import("./serve/serve.ts");
      const options = optionsOf<ServeOptions>(command);
      await started(serve(options), options.json);
    });
  command.addHelpText(
    "after",
    `
Documentation is at /docs, OpenAPI 3.1 at /openapi.json, Prometheus metrics at /metrics, probes at
/healthz and /readyz.
The first start creates an admin key and writes it to a file next to the state. On an address that
other machines can reach, it starts only if a key exists already.
SIGTERM and Ctrl-C: it accepts no more connections, answers the open requests, and ends.
SIGHUP: reads the certificate again. A changed certificate is also noticed within seconds.`,
  );
  examples(command, [
    ["tidemark serve", "on this machine, state in ./.tidemark/state.db"],
    ["tidemark serve --state postgres://… --host 0.0.0.0", "one of several replicas"],
    ["tidemark serve --tls-cert cert.pem --tls-key key.pem", "HTTPS"],
  ]);
}

/** Adds the options of the service but for its port, which every command that starts it takes. */
export function takesService(command: Command): Command {
  return command
    .option("--host <address>", "the address to listen on; 0.0.0.0 and :: mean all addresses", "127.0.0.1")
    .option("--tls-cert <file>", "certificate chain in PEM, for HTTPS")
    .option("--tls-key <file>", "private key of the certificate")
    .option(
      "--admin-key-file <file>",
      "where the first start writes the admin key (default: next to the state)",
    )
    .option("--no-auth", "ask for no key; only on loopback")
    .option(
      "--rate-limit <n>",
      "how many requests a second one key may make",
      parseWhole("--rate-limit", 1),
      2000,
    )
    .option(
      "--max-connections <n>",
      "how many connections may be open (default: 4096, or less if few files may be open)",
      parseWhole("--max-connections", 1),
    )
    .option(
      "--drain-seconds <n>",
      "how many seconds open requests and runs get to finish at the end",
      parseWhole("--drain-seconds", 0),
      25,
    );
}

/** Adds how much of the history is kept. */
export function takesRetention(command: Command): Command {
  return command
    .option(
      "--keep-runs <n>",
      "how many runs of each stream to keep in the history",
      parseWhole("--keep-runs", 1),
      1000,
    )
    .option(
      "--keep-days <n>",
      "for how many days to keep a run in the history (default: no limit)",
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
