import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";

export const leaseOwnerSchema = z.strictObject({
  /** The machine, and on Linux the process namespace, so that two containers are two hosts. */
  host: z.string(),
  /** Changes with every boot of the machine. */
  boot: z.string(),
  pid: z.int(),
  /** When the process started, as the system tells it: process numbers are used again. */
  startedAt: z.string(),
});

/** The process that holds a lease. */
export type LeaseOwner = Readonly<z.infer<typeof leaseOwnerSchema>>;

let self: LeaseOwner | undefined;

/** This process, as the owner of the leases it takes. */
export function processOwner(): LeaseOwner {
  self ??= {
    host: hostIdentity(),
    boot: bootIdentity(),
    pid: process.pid,
    startedAt: startOf(process.pid) ?? "unknown",
  };
  return self;
}

/**
 * Whether the owner is a process of this machine that no longer lives, so that its lease is free at
 * once. False where that cannot be known: on another machine only the lease's end frees it.
 */
export function isOwnerGone(owner: LeaseOwner): boolean {
  const here = processOwner();
  if (owner.host !== here.host) return false;
  if (owner.boot !== here.boot) return true;
  if (owner.pid === here.pid) return owner.startedAt !== here.startedAt;
  const startedAt = startOf(owner.pid);
  return startedAt === null || (startedAt !== "unknown" && startedAt !== owner.startedAt);
}

function hostIdentity(): string {
  if (process.platform !== "linux") return hostname();
  try {
    return `${hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

function bootIdentity(): string {
  try {
    if (process.platform === "linux") return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    if (process.platform === "darwin") return output("sysctl", ["-n", "kern.boottime"]);
  } catch {
    // A system that does not tell its boot is taken to be always the same; leases then just run out.
  }
  return "unknown";
}

/** When a living process started; null when none lives under that number; "unknown" when untold. */
function startOf(pid: number): string | null {
  if (process.platform === "linux") return startFromProc(pid);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH" ? null : "unknown";
  }
  try {
    return process.platform === "darwin" ? output("ps", ["-o", "lstart=", "-p", String(pid)]) : "unknown";
  } catch {
    return "unknown";
  }
}

function startFromProc(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The name in parentheses may hold spaces; the state is the first field after it, the start the 20th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const dead = fields[0] === "Z" || fields[0] === "X";
  return dead ? null : (fields[19] ?? "unknown");
}

function output(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}
