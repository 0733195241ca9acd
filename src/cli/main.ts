#!/usr/bin/env node
import nodeModule from "node:module";

// Everything else is loaded after this check: on an older Node it would fail with an unclear error.
const oldest = 24;
if (Number.parseInt(process.versions.node, 10) < oldest) {
  process.stderr.write(
    `error Tidemark needs Node ${oldest} or newer; ${process.execPath} is ${process.version}\n` +
      "→ Install a newer Node from https://nodejs.org, or run: npx -p node@24 tidemark\n",
  );
  process.exitCode = 1;
} else {
  withSmallHeap();
  // Deno reports such a Node version, but has none of these flags.
  if ("enableCompileCache" in nodeModule) nodeModule.enableCompileCache();
  const { runCommand } = await import("./program.ts");
  await runCommand(process.argv.slice(2));
}

/**
 * Restarts the process with flags that Node accepts only at its start, for commands that move records. A page lives for
 * a moment only: collecting early takes a third to a half off the memory of a long run, for a twentieth of its
 * processor time. See docs/decisions/0022.
 */
function withSmallHeap(): void {
  const moving = new Set(["run", "start", "backfill", "verify"]);
  const { execve, execArgv, execPath, argv, env } = process;
  if (execve === undefined || !argv.slice(2).some((word) => moving.has(word))) return;
  if (execArgv.some((flag) => flag.startsWith("--max-semi-space-size"))) return;
  const flags = ["--disable-sigusr1", "--max-semi-space-size=8", "--heap-growing-percent=50"];
  try {
    execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], env);
  } catch {
    // Where Node may not, the command runs as it is.
  }
}
