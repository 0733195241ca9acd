import type { InputSession, OutputSession, Page, Pipeline } from "../engine/ports.ts";
import type { RunResult } from "../engine/run/result.ts";
import type { StateStore } from "../state/contract.ts";
import { overriding } from "./overriding.ts";
import type { Tracing } from "./tracing.ts";

/**
 * Runs a pipeline in a span, with a span for each page that is read, each batch that is written and
 * each checkpoint. `run` is given the pipeline and the state to run with.
 */
export function tracedRun<P extends Pipeline, R extends RunResult>(
  tracing: Tracing,
  pipeline: P,
  state: StateStore,
  run: (pipeline: P, state: StateStore) => Promise<R>,
): Promise<R> {
  if (!tracing.enabled) return run(pipeline, state);
  const attributes = {
    "tidemark.pipeline": pipeline.name,
    "tidemark.connector": pipeline.key.connector,
    "tidemark.stream": pipeline.key.stream,
  };
  return tracing.span("tidemark.run", attributes, async (span) => {
    const begun = overriding<StateStore>(tracedState(state, tracing), {
      async begin(key, options) {
        const granted = await state.begin(key, options);
        span.set({ "tidemark.run_id": granted.runId, "tidemark.epoch": granted.epoch });
        return granted;
      },
    });
    const result = await run(tracedPipeline(pipeline, tracing), begun);
    span.set({
      "tidemark.status": result.status,
      "tidemark.records_read": result.recordsRead,
      "tidemark.records_written": result.recordsWritten,
      "tidemark.records_refused": result.recordsRefused,
    });
    if (result.error !== null) span.failed(result.error);
    return result;
  });
}

function tracedState(state: StateStore, tracing: Tracing): StateStore {
  return overriding<StateStore>(state, {
    checkpoint: (run, checkpoint, context) =>
      tracing.span("tidemark.checkpoint", { "tidemark.sequence": checkpoint.sequence }, () =>
        state.checkpoint(run, checkpoint, context),
      ),
  });
}

function tracedPipeline<P extends Pipeline>(pipeline: P, tracing: Tracing): P {
  const { input, output } = pipeline;
  return {
    ...pipeline,
    input: overriding(input, {
      open: async (context) => tracedInput(await input.open(context), tracing),
    }),
    output: overriding(output, {
      open: async (context) => tracedOutput(await output.open(context), tracing),
    }),
  };
}

function tracedInput(session: InputSession, tracing: Tracing): InputSession {
  return overriding<InputSession>(session, {
    read: (request) => tracedPages(session.read(request), tracing),
  });
}

/** A span lasts from when a page is asked for until it is there. */
function tracedPages(pages: AsyncIterable<Page>, tracing: Tracing): AsyncIterable<Page> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = pages[Symbol.asyncIterator]();
      const next = () =>
        tracing.span("tidemark.page.read", {}, async (span) => {
          const step = await iterator.next();
          if (step.done !== true) span.set({ "tidemark.records": step.value.records.length });
          return step;
        });
      const end = iterator.return?.bind(iterator);
      return end === undefined ? { next } : { next, return: end };
    },
  };
}

function tracedOutput(session: OutputSession, tracing: Tracing): OutputSession {
  return overriding<OutputSession>(session, {
    write: (batch) =>
      tracing.span("tidemark.batch.write", { "tidemark.records": batch.records.length }, () =>
        session.write(batch),
      ),
    commit: (commit) =>
      tracing.span("tidemark.output.commit", { "tidemark.sequence": commit.sequence }, async () => {
        const committed = await session.commit(commit);
        return committed ?? undefined;
      }),
  });
}
