/**
 * A process that executes command lines one after another, each with its own folder and environment. It loads the
 * command once, where a process for each command line would load it each time.
 *
 * Its argument is the path of the built `src/cli/program.ts`. It takes one `HostedCommand` at a time from the
 * process that started it, answers with a `HostedAnswer`, and ends with that process.
 */
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";

const hostedCommand = z.object({
  args: z.array(z.string()).readonly(),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
});

export type HostedCommand = z.infer<typeof hostedCommand>;

export const hostedAnswer = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() });

export type HostedAnswer = z.infer<typeof hostedAnswer>;

type Execute = (args: readonly string[]) => Promise<number>;

async function execute(program: Execute, { args, cwd, env }: HostedCommand): Promise<HostedAnswer> {
  process.chdir(cwd);
  process.env = { ...env };
  process.exitCode = undefined;
  const stdout = capture(process.stdout);
  const stderr = capture(process.stderr);
  const code = await program(args);
  // What the command listens to ends with its process, which this one outlives.
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  return { code, stdout: stdout.end(), stderr: stderr.end() };
}

/** Takes what is written to a stream until `end`, which returns it. */
function capture(stream: NodeJS.WriteStream): { end(): string } {
  const write = stream.write;
  let text = "";
  stream.write = (
    chunk: string | Uint8Array,
    encodingOrDone?: BufferEncoding | ((error?: Error) => void),
    done?: (error?: Error) => void,
  ): boolean => {
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const taken = typeof encodingOrDone === "function" ? encodingOrDone : done;
    if (taken !== undefined) process.nextTick(taken);
    return true;
  };
  return {
    end() {
      stream.write = write;
      return text;
    },
  };
}

/** The path of this program. */
export const hostProgram = fileURLToPath(import.meta.url);

if (process.argv[1] === hostProgram) {
  const { executeCommand }: { executeCommand: Execute } = await import(
    pathToFileURL(process.argv[2] ?? "").href
  );
  process.on("message", async (message) => {
    process.send?.(await execute(executeCommand, hostedCommand.parse(message)));
  });
  process.on("disconnect", () => process.exit());
}
