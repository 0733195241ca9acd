import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Tests that wait for processes, leases and ticks begin first: beside them the others keep the machine busy. */
class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(waits), ...sorted.filter((file) => !waits(file))];
  }
}

function waits({ moduleId }: TestSpecification): boolean {
  return /\/test\/(lab|crash|late-commits|start|cli|service)\b/.test(moduleId);
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "testing/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    // Many tests wait for processes, disks and servers: two workers would leave two processors idle.
    maxWorkers: 3,
    sequence: { sequencer: WaitingFirst },
    // A worker goes from file to file with what it has loaded: to load it anew would take each file half a second.
    isolate: false,
    // Node reads the sources itself, as it does for users of the checkout. No test replaces a module.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // Servers of tests are on loopback, and no proxy of the machine's leads there.
    env: { HTTP_PROXY: "", HTTPS_PROXY: "", http_proxy: "", https_proxy: "" },
    globalSetup: ["test/support/vitest-setup.ts"],
    // Real databases and processes take their time on a small machine that is busy. Nothing here measures speed:
    // a limit of time only ends what hangs.
    testTimeout: 600_000,
    expect: { poll: { timeout: 240_000 } },
    hookTimeout: 600_000,
    teardownTimeout: 120_000,
  },
});
