import type { Peer } from "../../peer.ts";

const missing = "the Go module proxy does not serve github.com/AlexandreCano/cannectors (403, not available)";

/**
 * Not raced: without the program no pipeline of it could be tried. By its documentation it has outputs for
 * databases and HTTP, and none for files.
 */
export const cannectors: Peer = {
  name: "cannectors",
  version: "none to be had",
  factor: 2,
  missing: () => missing,
  entries: { sqlite: missing, postgres: missing, jsonl: "it has no output for files" },
};
