/**
 * The points in a run where a crash must be safe, in order. Tests pass a function that throws, stops or kills at one of
 * them.
 */
export const faultPoints = [
  "beforeBegin",
  "afterBegin",
  "afterFence",
  "afterRead",
  "afterFilter",
  "afterWrite",
  "beforeCommit",
  "afterCommit",
  "afterCheckpoint",
  "beforeComplete",
  "afterComplete",
] as const;
export type FaultPoint = (typeof faultPoints)[number];

/** Called at every fault point; what it throws ends the run there. */
export type FaultInjector = (point: FaultPoint) => void | Promise<void>;

export const noFaults: FaultInjector = () => {};
