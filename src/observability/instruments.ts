import { Counter, Gauge, Histogram, type Registry } from "prom-client";

const ofStream = ["connector", "stream"] as const;

/** From a memory's pace to that of a database in trouble, in seconds. */
const callBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const runBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600];
const lateBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600];

/** Every metric that Tidemark gives, registered in one registry. */
export function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    build: new Gauge({
      name: "tidemark_build_info",
      help: "Always 1; its labels say which version runs on which Node.",
      labelNames: ["version", "node"] as const,
      registers,
    }),
    stateUp: new Gauge({
      name: "tidemark_state_up",
      help: "Whether the state answered when these metrics were asked for, and could be written: 1 or 0.",
      registers,
    }),
    cursorAge: new Gauge({
      name: "tidemark_cursor_age_seconds",
      help: "How far a stream's watermark lies behind the present. Streams with a timestamp cursor only.",
      labelNames: ofStream,
      registers,
    }),
    successAge: new Gauge({
      name: "tidemark_seconds_since_last_success",
      help: "How long ago the stream's last completed run ended. Absent where none ever did.",
      labelNames: ofStream,
      registers,
    }),
    succeeded: new Gauge({
      name: "tidemark_stream_succeeded",
      help: "Whether the stream has ever had a completed run: 1 or 0.",
      labelNames: ofStream,
      registers,
    }),
    unreadable: new Gauge({
      name: "tidemark_stream_unreadable",
      help: "1 for a stream whose stored state cannot be read. There is no series for the others.",
      labelNames: ofStream,
      registers,
    }),
    runs: new Counter({
      name: "tidemark_runs_total",
      help: "Runs that ended, by outcome: completed, failed, cancelled (its process was asked to stop), stopped (by `tidemark stop`), superseded, skipped (another process held the stream).",
      labelNames: [...ofStream, "outcome"] as const,
      registers,
    }),
    runsActive: new Gauge({
      name: "tidemark_runs_active",
      help: "Runs begun and not yet ended, as far as this process knows.",
      registers,
    }),
    runSeconds: new Histogram({
      name: "tidemark_run_duration_seconds",
      help: "How long runs took from begin to end, by outcome.",
      labelNames: ["outcome"] as const,
      buckets: runBuckets,
      registers,
    }),
    recordsRead: new Counter({
      name: "tidemark_records_read_total",
      help: "Records read from sources by runs of this process.",
      labelNames: ofStream,
      registers,
    }),
    recordsWritten: new Counter({
      name: "tidemark_records_written_total",
      help: "Records delivered, as runs report them with their checkpoints and at their end.",
      labelNames: ofStream,
      registers,
    }),
    recordsRefused: new Counter({
      name: "tidemark_records_refused_total",
      help: "Records that were refused and let go of (`onError: skip` or `deadLetter`), as runs report them at their end.",
      labelNames: ofStream,
      registers,
    }),
    recordsDeadLettered: new Counter({
      name: "tidemark_records_dead_lettered_total",
      help: "Of the records refused, those that were written to dead letters.",
      labelNames: ofStream,
      registers,
    }),
    recordsFiltered: new Counter({
      name: "tidemark_records_filtered_total",
      help: "Records that filters dropped on purpose, as runs report them at their end.",
      labelNames: ofStream,
      registers,
    }),
    checkpoints: new Counter({
      name: "tidemark_checkpoints_total",
      help: "Checkpoints stored.",
      labelNames: ofStream,
      registers,
    }),
    checkpointSeconds: new Histogram({
      name: "tidemark_checkpoint_duration_seconds",
      help: "How long the state took to store a checkpoint.",
      buckets: callBuckets,
      registers,
    }),
    stateSeconds: new Histogram({
      name: "tidemark_state_call_duration_seconds",
      help: "How long the state took to answer a run's call: begin, checkpoint, heartbeat, complete, fail.",
      labelNames: ["call", "result"] as const,
      buckets: callBuckets,
      registers,
    }),
    leaseLosses: new Counter({
      name: "tidemark_lease_losses_total",
      help: "Runs that found their stream taken over by a newer run, a reset or a rewind.",
      labelNames: ofStream,
      registers,
    }),
    requestSeconds: new Histogram({
      name: "tidemark_http_request_duration_seconds",
      help: "How long the service took to answer, by method, route and status.",
      labelNames: ["method", "route", "status"] as const,
      buckets: requestBuckets,
      registers,
    }),
    pipelines: new Gauge({
      name: "tidemark_pipelines",
      help: "Pipelines that are scheduled in this process.",
      registers,
    }),
    nextRun: new Gauge({
      name: "tidemark_schedule_next_run_timestamp_seconds",
      help: "When the next run of a pipeline is planned, in seconds since 1970.",
      labelNames: ofStream,
      registers,
    }),
    lateness: new Histogram({
      name: "tidemark_schedule_lateness_seconds",
      help: "How much later than it was due a scheduled run began.",
      buckets: lateBuckets,
      registers,
    }),
    interval: new Gauge({
      name: "tidemark_schedule_interval_seconds",
      help: "How long the time between the last tick of a pipeline's schedule and the next is.",
      labelNames: ofStream,
      registers,
    }),
    failures: new Gauge({
      name: "tidemark_schedule_consecutive_failures",
      help: "How many runs of a scheduled pipeline have failed one after another; 0 after one that completed.",
      labelNames: ofStream,
      registers,
    }),
    slotWait: new Gauge({
      name: "tidemark_schedule_slot_wait_seconds",
      help: "For how long a run that is due has waited for its turn. Absent where none waits.",
      labelNames: ofStream,
      registers,
    }),
    runActive: new Gauge({
      name: "tidemark_schedule_run_active_seconds",
      help: "For how long the scheduled run under way has been at work. Absent where none is.",
      labelNames: ofStream,
      registers,
    }),
    runIdle: new Gauge({
      name: "tidemark_schedule_run_idle_seconds",
      help: "For how long the scheduled run under way has read nothing, waits that it was asked to make left out.",
      labelNames: ofStream,
      registers,
    }),
    overruns: new Counter({
      name: "tidemark_schedule_overruns_total",
      help: "Warnings that a run was still at work after several ticks of its schedule.",
      labelNames: ofStream,
      registers,
    }),
    missedTicks: new Counter({
      name: "tidemark_schedule_ticks_missed_total",
      help: "Ticks that passed without a run of their own, and were made up by one run together.",
      labelNames: ofStream,
      registers,
    }),
    retries: new Counter({
      name: "tidemark_schedule_retries_total",
      help: "Runs that were tried again between two ticks.",
      labelNames: ofStream,
      registers,
    }),
    reloads: new Counter({
      name: "tidemark_pipeline_reloads_total",
      help: "Pipeline files that were taken up while the process ran, by what became of them: added, changed, broken, removed.",
      labelNames: ["kind"] as const,
      registers,
    }),
  };
}

export type Instruments = ReturnType<typeof createInstruments>;

/** Of a certificate that the service serves. */
export function createCertificateInstruments(registry: Registry) {
  const registers = [registry];
  return {
    expires: new Gauge({
      name: "tidemark_tls_certificate_expires_timestamp_seconds",
      help: "When the certificate that is served expires, in seconds since 1970. Absent without HTTPS.",
      registers,
    }),
    stale: new Gauge({
      name: "tidemark_tls_certificate_stale",
      help: "Whether the files hold a newer certificate that cannot be used, so that the one before is served: 1 or 0.",
      registers,
    }),
  };
}

export type CertificateInstruments = ReturnType<typeof createCertificateInstruments>;
