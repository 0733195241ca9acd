import type { Command } from "commander";
import { addCommands, type CommandEntry, examples } from "./commands.ts";

const commands: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "List the streams with their watermarks and last runs",
    load: async () => (await import("./state/list.ts")).defineList,
  },
  {
    name: "show",
    summary: "Show everything that is stored of one stream",
    load: async () => (await import("./state/show.ts")).defineShow,
  },
  {
    name: "history",
    summary: "List a stream's runs, newest first",
    load: async () => (await import("./state/history.ts")).defineHistory,
  },
  {
    name: "coverage",
    summary: "Show which ranges of a stream are delivered completely, and the gaps",
    load: async () => (await import("./state/coverage.ts")).defineCoverage,
  },
  {
    name: "set",
    summary: "Set a stream's watermark by hand",
    load: async () => (await import("./state/set.ts")).defineSet,
  },
  {
    name: "reset",
    summary: "Start a stream over: forget its watermark",
    load: async () => (await import("./state/reset.ts")).defineReset,
  },
  {
    name: "rewind",
    summary: "Set a stream back to where it was after an earlier run",
    load: async () => (await import("./state/rewind.ts")).defineRewind,
  },
  {
    name: "export",
    summary: "Write the state of one stream or of all streams as JSON",
    load: async () => (await import("./state/export.ts")).defineExport,
  },
  {
    name: "import",
    summary: "Set streams to what an export says",
    load: async () => (await import("./state/import.ts")).defineImport,
  },
];

export function defineState(command: Command): void {
  command.usage("COMMAND [options]").helpCommand(false);
  addCommands(command, commands);
  examples(command, [
    ["tidemark state list", "all streams with their watermarks"],
    ["tidemark state show acme events", "everything that is stored of one stream"],
    ["tidemark state rewind acme events --to-run ID --reason …", "go back to where it was after a run"],
  ]);
}
