import type { Pipeline } from "../../engine/ports.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { DeclaredSchedule } from "../schedule.ts";

/** A pipeline as it was read from a file, ready to run. */
export interface LoadedPipeline extends Pipeline {
  readonly file: string;
  /** When `tidemark start` runs it; null where it declares nothing. */
  readonly schedule: DeclaredSchedule | null;
  /** The pipeline's own state (`storagePath`); null where it has none. */
  readonly stateUrl: string | null;
  /** Warnings, which do not keep it from running. */
  readonly warnings: readonly Diagnostic[];
}
