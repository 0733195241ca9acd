import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "testing/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    // Most tests wait for processes, disks and servers: one worker would leave a small machine idle.
    maxWorkers: 2,
    // A worker goes from file to file with what it has loaded: to load it anew would take each file half a second.
    isolate: false,
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
