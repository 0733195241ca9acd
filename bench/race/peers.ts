import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { installed, type Peer, peerFile } from "./peer.ts";
import { airbyteCdk } from "./peers/airbyte-cdk/peer.ts";
import { cannectors } from "./peers/cannectors/peer.ts";
import { dlt } from "./peers/dlt/peer.ts";
import { floor } from "./peers/floor/peer.ts";
import { singerSdk, tunedSingerSdk } from "./peers/singer-sdk/peer.ts";

export { tidemark } from "./peers/tidemark/peer.ts";

/** Whom Tidemark is measured against, in the order of the table. */
export const rivals: readonly Peer[] = [floor, dlt, airbyteCdk, singerSdk, tunedSingerSdk, cannectors];

const withSetup: readonly string[] = ["dlt", "airbyte-cdk", "singer-sdk", "cannectors"];

/** Installs a peer into `.peers/`, by its script; false where that did not succeed. */
export function setUp({ name, setup = name }: Peer): boolean {
  if (!withSetup.includes(setup)) return true;
  const folder = installed(setup, "");
  rmSync(folder, { recursive: true, force: true });
  const { status } = spawnSync("sh", [peerFile(setup, "setup.sh"), folder], { stdio: "inherit" });
  return status === 0;
}
