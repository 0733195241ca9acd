import { dirname, join } from "node:path";
import { hostProgram } from "./command-host.ts";
import { commandVariable } from "./command-offer.ts";
import { offeredServer } from "./server-process.ts";

/**
 * The command as it is published, built once for all tests: a process of it starts in half the time of one that
 * reads the sources. Those are what `bin/tidemark` runs, see `test/cli/launcher.test.ts`.
 */
const main = await offeredServer("built command", commandVariable, "all");

/** The program and the words to start the command with, as `bin/tidemark` does. */
export const builtCommand: readonly [string, ...string[]] = [
  process.execPath,
  "--disable-sigusr1",
  "--max-semi-space-size=8",
  "--heap-growing-percent=50",
  main,
];

/** The same, for a process that executes many command lines: see `command-host.ts`. */
export const builtHost: readonly [string, ...string[]] = [
  process.execPath,
  "--disable-sigusr1",
  "--max-semi-space-size=8",
  "--heap-growing-percent=50",
  hostProgram,
  join(dirname(main), "program.js"),
];

/** Where its processes keep what they have compiled, for the next of them. */
export const compileCache = { NODE_COMPILE_CACHE: join(dirname(main), "../../compiled") };
