#!/usr/bin/env node
import nodeModule from "node:module";

// Everything else is loaded after this check: on an older Node it would fail with a riddle.
const oldest = 24;
if (Number.parseInt(process.versions.node, 10) < oldest) {
  process.stderr.write(
    `error Tidemark needs Node ${oldest} or newer; ${process.execPath} is ${process.version}\n` +
      "→ Install a newer Node from https://nodejs.org, or run: npx -p node@24 -p tidemark tidemark\n",
  );
  process.exitCode = 1;
} else {
  nodeModule.enableCompileCache();
  const { runCommand } = await import("./program.ts");
  await runCommand(process.argv.slice(2));
}
