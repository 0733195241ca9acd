/** Disk failures that are over once space is freed or the disk is mounted again. */
const passing: ReadonlySet<unknown> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EROFS",
  "EIO",
  "ESTALE",
  "EMFILE",
  "ENFILE",
]);

/** Whether a file system error may be temporary, so that a retry of the run makes sense. */
export function passesOnDisk(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && passing.has(cause.code);
}
