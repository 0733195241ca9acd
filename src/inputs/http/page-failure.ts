import { type ErrorCode, TidemarkError } from "../../errors.ts";
import { showAddress } from "../../http/address.ts";

/** Creates the errors of one page: they name the stream, the page and its address. */
export type PageFailure = (
  code: ErrorCode,
  message: string,
  hint?: string,
  /** Default: the value of the code. */
  recoverable?: boolean,
) => TidemarkError;

export function pageFailure(stream: string, page: number, url: URL): PageFailure {
  return (code, message, hint, recoverable) =>
    new TidemarkError(code, `page ${page} (${showAddress(url)}): ${message}`, {
      stream,
      ...(hint === undefined ? {} : { hint }),
      ...(recoverable === undefined ? {} : { recoverable }),
    });
}

/** The error where a walk through pages stops at its cap (promise P15). */
export function pageCap(maxPages: number, fail: PageFailure): TidemarkError {
  return fail("PAGE_CAP_REACHED", `the run read ${maxPages} pages (\`maxPages\`) and more follow`);
}
