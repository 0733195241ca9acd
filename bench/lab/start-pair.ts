import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabClock } from "./clock.ts";
import type { Scene } from "./scene.ts";
import { compare } from "./sink.ts";
import type { Worker } from "./worker.ts";
import { tickSeconds } from "./world.ts";

/** How long the pair may take until all that the source holds has arrived: minutes on a loaded machine. */
const patienceMs = 180_000;
/** How often it is looked whether all has arrived: each look at a database is a connection of its own. */
const glimpseMs = 250;
/** How long no run may begin while the pair is left alone. */
const longestSilenceMs = 20_000;
const endMs = 60_000;

/** One of the two processes, with a clock of its own. */
export class Member {
  readonly #scene: Scene;
  readonly clock: LabClock;
  worker: Worker | null = null;

  constructor(scene: Scene, name: string) {
    this.#scene = scene;
    this.clock = new LabClock(join(scene.folder, `clock-${name}`));
  }

  up(): void {
    if (this.worker === null || this.worker.over) this.worker = this.#scene.schedule(this.clock.env);
  }

  /** Ends it, and says what was wrong with its end. */
  async down(signal: "SIGTERM" | "SIGKILL"): Promise<string | null> {
    const { worker } = this;
    this.worker = null;
    if (worker === null || worker.over) return null;
    worker.signal(signal);
    const { code, hung, stderr, signal: endedBy } = await worker.endWithin(endMs);
    if (hung) return `did not end within ${endMs / 1000} s of ${signal}`;
    // A process that has only just been started cannot drain yet, and has nothing to.
    const wasNew = endedBy === "SIGTERM" && stderr === "";
    return signal === "SIGKILL" || wasNew || code === 0
      ? null
      : `ended with code ${code}: ${stderr.slice(-2000)}`;
  }
}

/** Two processes of `tidemark start` on one state. */
export class StartPair {
  readonly #scene: Scene;
  readonly members: readonly [Member, Member];

  constructor(scene: Scene) {
    this.#scene = scene;
    this.members = [new Member(scene, "a"), new Member(scene, "b")];
  }

  one(): Member {
    return this.#scene.random.one(this.members);
  }

  up(): void {
    for (const member of this.members) member.up();
  }

  async down(signal: "SIGTERM" | "SIGKILL"): Promise<string[]> {
    const ends = await Promise.all(this.members.map((member) => member.down(signal)));
    return ends.filter((end) => end !== null);
  }

  /** Resolves in the middle of a run, where there is one. */
  async moment(): Promise<void> {
    const { worker } = this.one();
    if (worker !== null) await Promise.race([this.#scene.moment(worker), sleep(tickSeconds * 2000)]);
  }

  /** Null once all that the source holds has arrived, with nobody's help; else what had not by the end. */
  async catchesUp(): Promise<string | null> {
    const until = performance.now() + patienceMs;
    for (;;) {
      const rows = await this.#scene.glimpse();
      const lost = rows === null ? null : compare(this.#scene.world.output, rows, this.#scene.source).lost;
      if (lost?.length === 0) return null;
      if (performance.now() > until) {
        const lacks = lost === null ? "the sink stayed locked" : `the sink lacked ${this.#describe(lost)}`;
        return `${patienceMs / 1000} s after all was mended, ${lacks}`;
      }
      await sleep(glimpseMs);
    }
  }

  #describe(lost: readonly number[]): string {
    const { current } = this.#scene.source;
    const shown = lost.slice(0, 8).map((id) => `${id} of ${current.get(id)?.updated_at}`);
    return `${lost.length} records: ${shown.join(", ")}${lost.length > shown.length ? " …" : ""}`;
  }

  /** Null where runs begin tick after tick; else how long none did. */
  async ticks(count: number): Promise<string | null> {
    const { source } = this.#scene;
    let seen = source.requests;
    let last = performance.now();
    let longest = 0;
    const until = last + count * tickSeconds * 1000;
    while (performance.now() < until) {
      await sleep(50);
      if (source.requests !== seen) last = performance.now();
      seen = source.requests;
      longest = Math.max(longest, performance.now() - last);
      if (longest > longestSilenceMs) {
        return `no run began for ${longestSilenceMs / 1000} s, with a tick every ${tickSeconds} s`;
      }
    }
    return null;
  }
}
