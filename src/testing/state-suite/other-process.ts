import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type LeaseOwner, leaseOwnerSchema } from "../../state/owner.ts";

export interface OtherProcess {
  readonly owner: LeaseOwner;
  /** Kills it; resolves when it is gone. */
  kill(): Promise<void>;
}

/** The same module from the sources and from the built package. */
const ownerModule = new URL(
  `../../state/owner${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

const program = `
  import { processOwner } from ${JSON.stringify(ownerModule.href)};
  console.log(JSON.stringify(processOwner()));
  process.stdin.resume();
`;

/** Runs something while another process lives, which tells how it would own a lease. */
export async function withOtherProcess(work: (other: OtherProcess) => Promise<void>): Promise<void> {
  // It ends with its standard input, and so with this process, however that ends.
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  try {
    const line = await Promise.race([
      once(createInterface(child.stdout), "line"),
      gone.then(() => assert.fail("the other process ended early")),
    ]);
    await work({ owner: leaseOwnerSchema.parse(JSON.parse(String(line[0]))), kill });
  } finally {
    await kill();
  }
}
