import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type LeaseOwner, ownerOf } from "../../src/state/owner.ts";

export interface OtherProcess {
  readonly owner: LeaseOwner;
  /** Kills it; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Runs something while another process lives, which could be the owner of a lease. */
export async function withOtherProcess(work: (other: OtherProcess) => Promise<void>): Promise<void> {
  // It ends with its standard input, and so with this process, however that ends.
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const gone = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  try {
    await once(child, "spawn");
    assert.ok(child.pid !== undefined);
    await work({ owner: ownerOf(child.pid), kill });
  } finally {
    await kill();
  }
}
