import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** A program to run, and where. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** One process and all that it started, from start to exit. */
export interface Usage {
  readonly code: number | null;
  /** When it was started, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
  /** User and system time of the whole tree, as the kernel counts it for those that were waited for. */
  readonly cpuSeconds: number;
  readonly peakMemoryBytes: number;
  /** The last lines that it wrote to stderr. */
  readonly complaint: string;
}

const ticksPerSecond = 100;
const sampleMilliseconds = 25;

/**
 * Runs a command to its end and measures it. Memory is the resident set's high-water mark, as the kernel
 * keeps it, while there is one process; of several it is the highest sum of their proportional shares seen,
 * so that pages they share count once. Needs Linux's /proc.
 */
export async function measureProcess(command: Command): Promise<Usage> {
  const cpuBefore = childrenTicks();
  const startedAt = Date.now();
  const began = performance.now();
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  let peakMemoryBytes = 0;
  const sampling = setInterval(() => {
    if (child.pid !== undefined) peakMemoryBytes = Math.max(peakMemoryBytes, sessionMemory(child.pid));
  }, sampleMilliseconds);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return {
      code,
      startedAt,
      seconds: (performance.now() - began) / 1000,
      cpuSeconds: (childrenTicks() - cpuBefore) / ticksPerSecond,
      peakMemoryBytes,
      complaint: complaint.trim(),
    };
  } finally {
    clearInterval(sampling);
  }
}

/** What the children that were waited for have used, and theirs: fields 16 and 17 of proc_pid_stat(5). */
function childrenTicks(): number {
  const fields = statFields("self");
  return Number(fields[13]) + Number(fields[14]);
}

/** The fields behind the name, which may hold spaces; so the first of them is field 3. */
function statFields(pid: string): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Of all processes in the session that the command was made the leader of. */
function sessionMemory(leader: number): number {
  const members = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isIn(name, leader));
  const [only, ...others] = members;
  if (only === undefined) return 0;
  if (others.length === 0) return kilobytes(`/proc/${only}/status`, "VmHWM") * 1024;
  return members.reduce((sum, pid) => sum + kilobytes(`/proc/${pid}/smaps_rollup`, "Pss"), 0) * 1024;
}

function isIn(pid: string, session: number): boolean {
  try {
    return Number(statFields(pid)[3]) === session;
  } catch {
    return false; // It has ended meanwhile.
  }
}

function kilobytes(file: string, name: string): number {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(file, "utf8"));
    return Number(line?.[1] ?? 0);
  } catch {
    return 0;
  }
}
