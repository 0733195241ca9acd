import type { ServiceOptions } from "../api/service/service.ts";
import type { Clock } from "../clock.ts";
import { type Log, type LogLevel, openLog } from "../observability/log.ts";
import { Metrics } from "../observability/metrics.ts";
import type { StreamSource } from "../observability/stream-metrics.ts";
import { tracedRequests } from "../observability/traced-requests.ts";
import { openTracing, type Tracing } from "../observability/tracing.ts";
import { version } from "../version.ts";
import { note } from "./terminal.ts";

export interface Observability {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** What a service is made with, so that its requests are logged, counted and traced. */
  readonly ofService: Required<Pick<ServiceOptions, "logger" | "metrics" | "middleware">>;
}

interface ObserveOptions {
  readonly logLevel: LogLevel;
  readonly json: boolean;
  readonly clock: Clock;
  /** The streams that metrics are given of, asked for with each scrape. */
  readonly streams: () => readonly StreamSource[];
}

/** The observability of a long-running command: logs on stderr, metrics, and traces where they are collected. */
export async function observe({ logLevel, json, clock, streams }: ObserveOptions): Promise<Observability> {
  const pretty = process.stderr.isTTY === true && !json;
  const log = await openLog({ level: logLevel, pretty, write: note });
  const metrics = new Metrics({ version: version(), streams, clock });
  const tracing = await openTracing(version());
  const { observeRequest, scrape } = metrics;
  return {
    log,
    metrics,
    tracing,
    ofService: { logger: log, metrics: { observeRequest, scrape }, middleware: [tracedRequests(tracing)] },
  };
}
