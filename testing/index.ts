import "../src/node-version.ts";

export {
  type CrashFinding,
  type CrashReport,
  type CrashTestOptions,
  crashTest,
} from "./crash-test.ts";
export { FakeClock } from "./fake-clock.ts";
export { Interrupter, type Interruption } from "./interrupter.ts";
export { type MemoryOutputOptions, MemoryTable, memoryOutput } from "./memory-output.ts";
export {
  type ContractCase,
  type OutputContractOptions,
  type OutputDestination,
  outputContract,
} from "./output-suite.ts";
export { type Fault, faultKinds } from "./replay/faults.ts";
export { type Recorder, type RecordOptions, recordSource } from "./replay/record-source.ts";
export {
  type ReplayedRequest,
  type ReplayOptions,
  type ReplayServer,
  replaySource,
} from "./replay/replay-source.ts";
export {
  type OwnTransaction,
  type OwnTransactions,
  type StateStoreHarness,
  type StateStoreSuite,
  stateStoreSuite,
  type TestFramework,
} from "./state-suite.ts";
