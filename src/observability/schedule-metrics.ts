import type { Clock } from "../clock.ts";
import { type CronSchedule, parseCron } from "../model/cron.ts";
import { type StreamKey, streamMapKey } from "../model/stream-key.ts";
import type { Scheduled, ScheduleEvent } from "../schedule/events.ts";
import type { Instruments } from "./instruments.ts";
import type { LabelledStreams } from "./stream-labels.ts";

/** What is known of a scheduled stream. Moments are by `Clock.elapsed`. */
interface Watched {
  readonly key: StreamKey;
  readonly cron: CronSchedule;
  /** Since when a due run has waited for its turn; null where none does. */
  queuedAt: number | null;
  beganAt: number | null;
  movedAt: number;
  failures: number | null;
  /** The tick that is next, and the length of time that it ends. */
  gap: { readonly until: number; readonly seconds: number } | null;
}

/** Metrics of schedules for alerts: how long runs take, wait and make no progress, and how often they are due. */
export class ScheduleMetrics {
  readonly #instruments: Instruments;
  readonly #labels: LabelledStreams;
  readonly #clock: Clock;
  readonly #watched = new Map<string, Watched>();
  /** Streams that are no longer scheduled, and whose last run is still under way. */
  readonly #gone = new Set<string>();

  constructor(instruments: Instruments, labels: LabelledStreams, clock: Clock) {
    this.#instruments = instruments;
    this.#labels = labels;
    this.#clock = clock;
  }

  /** The streams that are scheduled now. */
  get keys(): StreamKey[] {
    return [...this.#watched.values()].map(({ key }) => key);
  }

  readonly observe = (event: ScheduleEvent): void => {
    const watched = this.#of(event.pipeline);
    const now = this.#clock.elapsed();
    const labels = this.#labels.of(event.pipeline.key);
    const { nextRun, lateness, missedTicks, retries, runs, overruns } = this.#instruments;
    switch (event.type) {
      case "planned":
        this.#gone.delete(streamMapKey(event.pipeline.key));
        watched.queuedAt = null;
        if (event.at === null) nextRun.remove(labels);
        else nextRun.set(labels, event.at / 1000);
        break;
      case "retrying":
        nextRun.set(labels, event.at / 1000);
        watched.failures = event.failures;
        watched.queuedAt = null;
        break;
      case "queued":
        watched.queuedAt = now;
        break;
      case "started":
        watched.queuedAt = null;
        watched.beganAt = now;
        watched.movedAt = now;
        if (event.reason === "retry") retries.inc(labels);
        else lateness.observe(Math.max(0, event.lateMs) / 1000);
        break;
      case "moved":
        watched.movedAt = now;
        break;
      case "paused":
        // An announced wait does not count as missing progress.
        watched.movedAt = now + event.milliseconds;
        break;
      case "missed":
        missedTicks.inc(labels, event.count);
        break;
      case "overrun":
        overruns.inc(labels);
        break;
      case "taken":
      case "held":
      case "broke":
        watched.queuedAt = null;
        watched.beganAt = null;
        break;
      case "ended": {
        watched.beganAt = null;
        watched.failures = event.failures;
        // Runs that began are counted by the state's calls; these did not begin.
        const { status, runId } = event.result;
        if (runId === null) runs.inc({ ...labels, outcome: status });
        if (this.#gone.delete(streamMapKey(event.pipeline.key)))
          this.#watched.delete(streamMapKey(event.pipeline.key));
        break;
      }
    }
  };

  /** A pipeline that is no longer scheduled has no next run. */
  unscheduled(key: StreamKey): void {
    this.#instruments.nextRun.remove(this.#labels.of(key));
    if (this.#watched.get(streamMapKey(key))?.beganAt != null) this.#gone.add(streamMapKey(key));
    this.#watched.delete(streamMapKey(key));
  }

  /** Sets what changes by itself. */
  look(): void {
    const { interval, runActive, runIdle, slotWait, failures } = this.#instruments;
    for (const gauge of [interval, runActive, runIdle, slotWait, failures]) gauge.reset();
    const now = this.#clock.elapsed();
    for (const watched of this.#watched.values()) {
      const labels = this.#labels.of(watched.key);
      const gap = this.#gapOf(watched);
      if (gap !== null) interval.set(labels, gap);
      if (watched.failures !== null) failures.set(labels, watched.failures);
      if (watched.queuedAt !== null) slotWait.set(labels, (now - watched.queuedAt) / 1000);
      if (watched.beganAt === null) continue;
      runActive.set(labels, (now - watched.beganAt) / 1000);
      runIdle.set(labels, Math.max(0, now - watched.movedAt) / 1000);
    }
  }

  #of({ key, schedule }: Scheduled): Watched {
    const name = streamMapKey(key);
    const known = this.#watched.get(name);
    const { expression, timezone } = schedule;
    if (known?.cron.expression === expression && known.cron.timezone === timezone) return known;
    const cron = parseCron(expression, timezone);
    const fresh = {
      queuedAt: null,
      beganAt: null,
      movedAt: 0,
      failures: null,
      ...known,
      key,
      cron,
      gap: null,
    };
    this.#watched.set(name, fresh);
    return fresh;
  }

  /** How many seconds lie between the last tick and the next. */
  #gapOf(watched: Watched): number | null {
    const now = this.#clock.now();
    const { cron, gap } = watched;
    const until = cron.next(now);
    if (until === null) return null;
    if (gap?.until === until) return gap.seconds;
    const before = lastTick(cron, now);
    // A schedule that never came before is as long as it takes to come again.
    const length = before === null ? (cron.next(until) ?? until) - until : until - before;
    watched.gap = { until, seconds: length / 1000 };
    return watched.gap.seconds;
  }
}

const longestGapMs = 4 * 366 * 24 * 60 * 60 * 1000;

/** The last tick up to now; null where none came for years. */
function lastTick(cron: CronSchedule, now: number): number | null {
  let back = 1000;
  while (!hasTick(cron, now - back, now)) {
    if (back > longestGapMs) return null;
    back *= 2;
  }
  // The tick lies in (now - back, now]. Halve until no other lies behind the first one found.
  let low = now - back;
  let high = now;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (hasTick(cron, middle, now)) low = middle;
    else high = middle;
  }
  return cron.next(low);
}

function hasTick(cron: CronSchedule, after: number, now: number): boolean {
  const next = cron.next(after);
  return next !== null && next <= now;
}
