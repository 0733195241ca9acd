import type { Progress } from "../../engine/run/progress.ts";
import type { RunPause } from "../../engine/run/sync-options.ts";
import { counted, formatCount } from "../format.ts";
import { cutToWidth } from "../table.ts";
import { note, noteOver, shown } from "../terminal.ts";

/** Prints the progress of one run on stderr. */
export interface ProgressPrinter {
  start(): void;
  print(progress: Progress): void;
  /** Reports a wait when it begins. */
  pause(wait: RunPause): void;
  /** Clears the line for the next output. */
  end(): void;
}

const liveIntervalMs = 100;
const lineIntervalMs = 5000;

/** One line that changes on a terminal; elsewhere, and where records share it, a line now and then. */
export function printProgress(pipeline: string, stream: string, live: boolean): ProgressPrinter {
  const name = shown(pipeline);
  return live ? liveLine(name) : plainLines(name, shown(stream));
}

function liveLine(name: string): ProgressPrinter {
  const startedAt = performance.now();
  let printedAt = Number.NEGATIVE_INFINITY;
  const draw = (text: string): void => {
    const most = (process.stderr.columns || 80) - 1;
    noteOver(cutToWidth(text, most));
  };
  return {
    start: () => draw(`${name}  starting`),
    print(progress) {
      const now = performance.now();
      if (now - printedAt < liveIntervalMs) return;
      printedAt = now;
      draw(`${name}  ${progressText(progress, now - startedAt)}`);
    },
    pause(wait) {
      printedAt = Number.NEGATIVE_INFINITY;
      draw(`${name}  ${pauseText(wait)}`);
    },
    end: () => noteOver(""),
  };
}

function plainLines(name: string, stream: string): ProgressPrinter {
  const startedAt = performance.now();
  let printedAt = startedAt;
  return {
    start: () => note(`${name}: started (${stream})\n`),
    print(progress) {
      const now = performance.now();
      if (now - printedAt < lineIntervalMs) return;
      printedAt = now;
      note(`${name}: ${progressText(progress, now - startedAt)}\n`);
    },
    pause: (wait) => note(`${name}: ${pauseText(wait)}\n`),
    end() {},
  };
}

function pauseText({ milliseconds, why }: RunPause): string {
  return `waiting ${Math.ceil(milliseconds / 1000)} s: ${shown(why)}`;
}

function progressText(progress: Progress, elapsedMs: number): string {
  const { recordsRead, recordsWritten, pages, watermark } = progress;
  const rate = Math.round(recordsRead / Math.max(elapsedMs / 1000, 0.001));
  return [
    `${formatCount(recordsRead)} read`,
    `${formatCount(recordsWritten)} written`,
    `${formatCount(rate)}/s`,
    counted(pages, "page"),
    ...(watermark === null ? [] : [`watermark ${shown(watermark)}`]),
  ].join("  ");
}
