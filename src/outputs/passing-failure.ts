/** Failures of a disk that pass when somebody makes room, or mounts it again. */
const passing: ReadonlySet<unknown> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EROFS",
  "EIO",
  "ESTALE",
  "EMFILE",
  "ENFILE",
]);

/** Whether the system's failure at a file may pass by itself, so that the run is worth another try. */
export function passesOnDisk(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && passing.has(cause.code);
}
