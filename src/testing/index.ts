export { FakeClock } from "./fake-clock.ts";
export { type ContractCase, type OutputDestination, outputContract } from "./output-suite.ts";
export {
  type OwnTransaction,
  type OwnTransactions,
  type StateStoreHarness,
  type StateStoreSuite,
  stateStoreSuite,
  type TestFramework,
} from "./state-suite.ts";
