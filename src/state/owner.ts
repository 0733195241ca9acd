import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";

export const leaseOwnerSchema = z.strictObject({
  /** The machine, by name and number, and on Linux the process namespace, so that two containers are two hosts. */
  host: z.string(),
  /** Changes with every boot of the machine. */
  boot: z.string(),
  pid: z.int(),
  /** When the process started, as the system reports it, since process ids are reused. */
  startedAt: z.string(),
});

/** The process that holds a lease. */
export type LeaseOwner = Readonly<z.infer<typeof leaseOwnerSchema>>;

let self: LeaseOwner | undefined;

/** This process, as the owner of the leases it takes. */
export function processOwner(): LeaseOwner {
  self ??= ownerOf(process.pid);
  return self;
}

/** A living process of this machine, by its number. */
export function ownerOf(pid: number): LeaseOwner {
  return { host: hostIdentity(), boot: bootIdentity(), pid, startedAt: startOf(pid) ?? unknownStart };
}

/**
 * Whether the owner is a process of this machine that no longer lives, so that its lease is free at
 * once. False where that cannot be known: on another machine only the lease's end frees it.
 */
export function isOwnerGone(owner: LeaseOwner): boolean {
  const here = processOwner();
  if (owner.host !== here.host) return false;
  // Without a machine id, the same host name with another boot id may be another machine.
  if (owner.boot !== here.boot) return machineNumber() !== null;
  const startedAt = owner.pid === here.pid ? here.startedAt : startOf(owner.pid);
  if (startedAt === null) return true;
  return startedAt !== unknownStart && owner.startedAt !== unknownStart && startedAt !== owner.startedAt;
}

const unknownStart = "unknown";

function hostIdentity(): string {
  return [hostname(), machineNumber(), processNamespace()].filter((part) => part !== null).join(" ");
}

function machineNumber(): string | null {
  if (process.platform !== "linux") return null;
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() || null;
  } catch {
    return null;
  }
}

function processNamespace(): string | null {
  if (process.platform !== "linux") return null;
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return null;
  }
}

function bootIdentity(): string {
  try {
    if (process.platform === "linux") return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    if (process.platform === "darwin") return output("sysctl", ["-n", "kern.bootsessionuuid"]);
  } catch {
    // A system without a boot id counts as never restarted; a lease from before a restart then ends by time.
  }
  return unknownStart;
}

/** When a living process started; null when no process has that id; "unknown" when the system does not say. */
function startOf(pid: number): string | null {
  try {
    if (process.platform === "linux") return startFromProc(pid);
    if (process.platform === "darwin") return output("ps", ["-o", "lstart=", "-p", String(pid)]);
  } catch {
    // The system may hide other users' processes, but still answers whether one exists.
  }
  return lives(pid) ? unknownStart : null;
}

/** Null for a zombie process, which has ended. Throws where no process is visible. */
function startFromProc(pid: number): string | null {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces; the state is the first field after it, the start the 20th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const dead = fields[0] === "Z" || fields[0] === "X";
  return dead ? null : (fields[19] ?? unknownStart);
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function output(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}
