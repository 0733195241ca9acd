import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { undoAtExit } from "./undo.ts";

/** The command of this checkout. */
export const ownCommand: Command = [fileURLToPath(new URL("../../bin/tidemark", import.meta.url))];

/** A program and the words before what it is asked to do. */
export type Command = readonly [string, ...string[]];

const result = z.object({
  status: z.string(),
  backfill: z.string().nullable().optional(),
  error: z.object({ code: z.string(), message: z.string() }).loose().nullable().optional(),
});

export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  /** `completed`, `skipped`, …; null where it did not live to say so. */
  readonly status: string | null;
  readonly error: string | null;
  readonly stderr: string;
}

export interface WorkerOptions {
  readonly command?: Command;
  readonly limitKilobytes?: number | null;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process of the command. */
export class Worker {
  readonly #process: ChildProcess;
  readonly ended: Promise<Ended>;
  #stderr = "";
  over = false;

  /** Under a limit, a file that would get longer than so many kilobytes cannot be written to. */
  constructor(
    folder: string,
    args: readonly string[],
    { command = ownCommand, limitKilobytes = null, env = {} }: WorkerOptions = {},
  ) {
    const limited = `trap '' XFSZ; ulimit -f ${(limitKilobytes ?? 0) * 2}; exec "$@"`;
    const [program, ...all]: Command =
      limitKilobytes === null ? [...command, ...args] : ["sh", "-c", limited, "sh", ...command, ...args];
    this.#process = spawn(program, all, {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    const callOff = undoAtExit(() => this.signal("SIGKILL"));
    let stdout = "";
    this.#process.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      this.#process.once("close", (code, signal) => {
        this.over = true;
        callOff();
        resolve({ code, signal, stderr: this.#stderr, ...readResult(stdout) });
      });
    });
  }

  /** The backfill's id, which it tells before it reads anything. */
  get backfill(): string | null {
    return /^backfill (\S+): from/m.exec(this.#stderr)?.[1] ?? null;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.over) this.#process.kill(signal);
  }

  /** Waits for its end, and kills it when that takes too long. */
  async endWithin(milliseconds: number): Promise<Ended & { readonly hung: boolean }> {
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      this.signal("SIGKILL");
    }, milliseconds);
    const ended = await this.ended;
    clearTimeout(timer);
    return { ...ended, hung };
  }
}

function readResult(stdout: string): Pick<Ended, "status" | "error"> {
  try {
    const { status, error } = result.parse(JSON.parse(stdout));
    return { status, error: error?.code ?? null };
  } catch {
    return { status: null, error: null };
  }
}
