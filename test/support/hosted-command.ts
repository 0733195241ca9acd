import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";
import { builtHost, compileCache } from "./built-command.ts";
import { type HostedAnswer, type HostedCommand, hostedAnswer } from "./command-host.ts";

interface Host {
  /** The test file that it was started for: files share no process. */
  readonly file: string | undefined;
  readonly process: ChildProcess;
}

let host: Host | null = null;
let last: Promise<unknown> = Promise.resolve();

/**
 * Executes a command line in a process that the command lines of a test file share, one after another. For tests
 * of what the command answers: signals, the standard input, the process's own end and secrets that another command
 * may have registered need a process of their own.
 */
export function hostedCommand(command: HostedCommand): Promise<HostedAnswer> {
  const answer = last.then(() => ask(hostOf(expect.getState().testPath), command));
  last = answer.catch(() => {});
  return answer;
}

function hostOf(file: string | undefined): ChildProcess {
  const isRunning = host !== null && host.process.exitCode === null && host.process.signalCode === null;
  if (host !== null && isRunning && host.file === file) return host.process;
  host?.process.kill("SIGKILL");
  const [program, ...args] = builtHost;
  const child = spawn(program, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...compileCache },
  });
  // It ends with this process, and does not keep it.
  child.unref();
  child.channel?.unref();
  host = { file, process: child };
  return child;
}

async function ask(child: ChildProcess, command: HostedCommand): Promise<HostedAnswer> {
  child.ref();
  child.channel?.ref();
  const ended = new AbortController();
  try {
    const answered = once(child, "message", { signal: ended.signal });
    const died = once(child, "exit", { signal: ended.signal }).then(([code, signal]) => {
      throw new Error(`the process ended with ${code ?? signal} while it executed ${command.args.join(" ")}`);
    });
    child.send(command);
    const [message] = await Promise.race([answered, died]);
    return hostedAnswer.parse(message);
  } finally {
    ended.abort();
    child.unref();
    child.channel?.unref();
  }
}
