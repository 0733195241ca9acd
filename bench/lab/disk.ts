import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { undoAtExit } from "./undo.ts";

/** Two databases, and for each the four megabytes that SQLite lets its log grow to, have room in it. */
const sizeKilobytes = 24 * 1024;

/**
 * A small disk that can be full. Where this process may mount, it is a file system of its own; elsewhere
 * it is a folder, and full is a limit on how long the files of one run may get.
 */
export class LabDisk {
  readonly folder: string;
  readonly mounted: boolean;
  readonly #callOff: () => void;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.mounted = mount(folder);
    this.#callOff = undoAtExit(() => this.#unmount());
  }

  /** Leaves so many kilobytes free. */
  fill(leaveKilobytes: number): void {
    if (!this.mounted) return;
    const { bavail, bsize } = statfsSync(this.folder);
    const bytes = bavail * bsize - leaveKilobytes * 1024;
    if (bytes <= 0) return;
    try {
      writeFileSync(this.#ballast, Buffer.alloc(bytes));
    } catch {
      // A run has taken the last of the room meanwhile, which is all the same.
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /**
   * Where there is no small disk: how long a file may get, in kilobytes, before writing to it fails. SQLite's
   * own files begin with some tens of them, so that a run gets somewhere first.
   */
  limitKilobytes(roomKilobytes: number): number | null {
    if (this.mounted) return null;
    const sizes = readdirSync(this.folder).map((name) => statSync(join(this.folder, name)).size);
    return Math.ceil(Math.max(0, ...sizes) / 1024) + 64 + roomKilobytes * 8;
  }

  close(): void {
    this.#callOff();
    this.#unmount();
  }

  #unmount(): void {
    if (this.mounted) execFileSync("umount", ["-l", this.folder], { stdio: "ignore" });
  }

  get #ballast(): string {
    return join(this.folder, "ballast");
  }
}

function mount(folder: string): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !existsSync("/proc/mounts")) return false;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKilobytes}k`, "tmpfs", folder], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}
