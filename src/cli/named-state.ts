import type { RunResult } from "../engine/run/result.ts";
import { TidemarkError, withHint } from "../errors.ts";
import { redact } from "../secrets.ts";
import { defaultStateUrl } from "../state/storage/open.ts";

/** Commands with a `--state` option. */
const stateCommand =
  /\btidemark (?:state (?:set|reset|rewind|show|history|list|coverage)|audit|stop)\b(?! --state)/g;

/**
 * Adds `--state` to each command in a hint, where the state is not the default. Without it the command would work on
 * another state, which may not have the stream.
 */
export function namingState(text: string, url: string): string {
  if (url === (process.env.TIDEMARK_STATE || defaultStateUrl)) return text;
  return text.replaceAll(stateCommand, (command) => `${command} --state ${shownUrl(url)}`);
}

/** A URL as a shell takes it; one that holds a secret is not repeated. */
function shownUrl(url: string): string {
  if (redact(url) !== url) return "URL";
  return /^[\w@%+=:,./~-]+$/.test(url) ? url : `'${url.replaceAll("'", "'\\''")}'`;
}

/** What was thrown, with the state named in its hint. */
export function errorNamingState(thrown: unknown, url: string): unknown {
  return thrown instanceof TidemarkError ? withHint(thrown, namingState(thrown.hint, url)) : thrown;
}

/** A run's result, with the state named in what it says to do. */
export function resultNamingState(result: RunResult, url: string): RunResult {
  const { warnings, error } = result;
  return {
    ...result,
    warnings: warnings.map((warning) => ({ ...warning, message: namingState(warning.message, url) })),
    error: error === null ? null : withHint(error, namingState(error.hint, url)),
  };
}
