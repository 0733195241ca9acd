import { existsSync, renameSync, writeFileSync } from "node:fs";

const libraries = ["x86_64", "aarch64"].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
);
const library = libraries.find((path) => existsSync(path));

/** Whether the clock of a process can be set: Debian's package `faketime` is installed. */
export const canSetClocks = library !== undefined;

/** The wall clock of a process, which jumps; how time passes is left alone. */
export class LabClock {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    this.set(0);
  }

  /** By how many seconds it is ahead from now on; below 0 it is behind. */
  set(seconds: number): void {
    const draft = `${this.#file}.new`;
    writeFileSync(draft, `${seconds < 0 ? "" : "+"}${seconds}s`);
    renameSync(draft, this.#file);
  }

  /** What a process is started with that goes by this clock. */
  get env(): Record<string, string> {
    if (library === undefined) return {};
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }
}
