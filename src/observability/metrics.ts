import { collectDefaultMetrics, Registry } from "prom-client";
import { type Clock, systemClock } from "../clock.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { ScheduleEvent } from "../schedule/events.ts";
import type { FileChange } from "../schedule/pipeline-files.ts";
import { WriteProbes } from "../state/writable.ts";
import {
  type CertificateInstruments,
  createCertificateInstruments,
  createInstruments,
  type Instruments,
} from "./instruments.ts";
import type { StateObserver } from "./observed-state.ts";
import { RunMetrics } from "./run-metrics.ts";
import { ScheduleMetrics } from "./schedule-metrics.ts";
import { LabelledStreams } from "./stream-labels.ts";
import { StreamMetrics, type StreamSource } from "./stream-metrics.ts";

export interface MetricsOptions {
  /** Tidemark's own version, for `tidemark_build_info`. */
  readonly version: string;
  /** The streams to tell the age of, asked for with each scrape. */
  readonly streams: () => readonly StreamSource[];
  readonly clock?: Clock;
}

/** A request that the service has answered; `route` is the template that it matched. */
export interface AnsweredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** A certificate that is served. */
export interface ObservedCertificate {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Whether its files hold a newer one that cannot be used. */
  readonly isStale: boolean;
}

/** How many streams have labels of their own. */
const mostStreams = 1000;
const scrapePatienceMs = 5000;
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * The metrics of one process, in the Prometheus format. Pass `state` to `observedState`, and the scheduler's events and
 * the service's requests to the methods that count them. `scrape` returns the body of `/metrics`.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #instruments: Instruments;
  readonly #labels = new LabelledStreams(mostStreams);
  readonly #clock: Clock;
  readonly #streams: StreamMetrics;
  readonly #schedules: ScheduleMetrics;
  readonly #writes: WriteProbes;
  readonly #sources: () => readonly StreamSource[];
  #certificate: CertificateInstruments | null = null;
  #looking: Promise<void> | null = null;
  /** For `observedState`. */
  readonly state: StateObserver;

  constructor({ version, streams, clock = systemClock }: MetricsOptions) {
    this.#clock = clock;
    this.#writes = new WriteProbes(clock);
    this.#sources = streams;
    this.#instruments = createInstruments(this.#registry);
    this.#instruments.build.set({ version, node: process.version }, 1);
    collectDefaultMetrics({ register: this.#registry });
    this.#streams = new StreamMetrics(this.#instruments, this.#labels, clock, mostStreams);
    this.#schedules = new ScheduleMetrics(this.#instruments, this.#labels, clock);
    this.state = new RunMetrics(this.#instruments, this.#labels, clock, (key) =>
      this.#streams.succeeded(key),
    );
  }

  /** Counts records as a run of this process reads them. */
  recordsRead(key: StreamKey, count: number): void {
    if (count > 0) this.#instruments.recordsRead.inc(this.#labels.of(key), count);
  }

  readonly observeRequest = ({ method, route, status, seconds }: AnsweredRequest): void => {
    const known = methods.has(method) ? method : "other";
    this.#instruments.requestSeconds.observe({ method: known, route, status: String(status) }, seconds);
  };

  /** Sets the status of the certificate that the service serves. Without one there are no such metrics. */
  readonly observeCertificate = ({ expiresAt, isStale }: ObservedCertificate): void => {
    this.#certificate ??= createCertificateInstruments(this.#registry);
    this.#certificate.expires.set(expiresAt / 1000);
    this.#certificate.stale.set(isStale ? 1 : 0);
  };

  /** How many pipelines are scheduled now. */
  scheduled(pipelines: number): void {
    this.#instruments.pipelines.set(pipelines);
  }

  readonly observeSchedule = (event: ScheduleEvent): void => this.#schedules.observe(event);

  observeReload({ kind }: FileChange): void {
    this.#instruments.reloads.inc({ kind });
  }

  /** A pipeline that is no longer scheduled has no next run. */
  unscheduled(key: StreamKey): void {
    this.#schedules.unscheduled(key);
  }

  /** The body of `/metrics`. If a state does not answer, only its metrics are missing. */
  readonly scrape = async (): Promise<{ readonly contentType: string; readonly body: string }> => {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  };

  async #look(): Promise<void> {
    const { stateUp } = this.#instruments;
    this.#schedules.look();
    const waiting = new AbortController();
    const sources = this.#sources();
    const looked = Promise.all([
      this.#streams.look(sources, this.#schedules.keys),
      ...sources.map(({ state }) => this.#writes.assertWritable(state)),
    ]).then(
      () => true,
      () => false,
    );
    const late = this.#clock.sleep(scrapePatienceMs, waiting.signal, { background: true }).then(
      () => false,
      () => false,
    );
    stateUp.set((await Promise.race([looked, late])) ? 1 : 0);
    waiting.abort();
  }
}
