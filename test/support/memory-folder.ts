import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";

/** It does not contain the password of the test servers, which is removed from messages and so from their paths. */
const prefix = "tidemark-vitest-";

export interface Memory {
  /** A folder of a file system that lies in memory. */
  readonly folder: string;
  /** How much of it has to be free. */
  readonly bytes: number;
  /** Where `TMPDIR` is read and set. */
  readonly env: NodeJS.ProcessEnv;
}

/** The servers and files of a whole run take a quarter of these bytes. */
const ofTheMachine: Memory = { folder: "/dev/shm", bytes: 4 * 2 ** 30, env: process.env };

/**
 * Puts the temporary files of all tests and servers in memory where the machine has room for them, so that no test
 * waits for a disk. Elsewhere, and where `TMPDIR` is set, they lie where they always do. Returns what removes them.
 */
export function useMemoryFolder(memory = ofTheMachine): () => void {
  if (memory.env.TMPDIR !== undefined || !hasRoom(memory)) return () => {};
  removeAbandoned(memory.folder);
  const folder = mkdtempSync(join(memory.folder, `${prefix}${process.pid}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A server may run as another user, and finds its own folder by name.
  chmodSync(folder, 0o711);
  if (!runsPrograms(folder)) {
    remove();
    return () => {};
  }
  memory.env.TMPDIR = folder;
  return remove;
}

function hasRoom({ folder, bytes }: Memory): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= bytes && freemem() >= bytes;
  } catch {
    return false;
  }
}

/** Containers often mount it so that no program can run from it. */
function runsPrograms(folder: string): boolean {
  const program = join(folder, "program");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o700 });
  try {
    execFileSync(program);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(program);
  }
}

/** A killed run leaves its folder, which would go on taking memory. */
function removeAbandoned(memory: string): void {
  for (const name of readdirSync(memory)) {
    const [, pid] = name.match(`^${prefix}(\\d+)-`) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(memory, name), { recursive: true, force: true });
    } catch {
      // A disk of the killed run may still be mounted in it. That must not stop the runs after it.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
