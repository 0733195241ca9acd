import { stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { messageOf, TidemarkError } from "../../errors.ts";
import { inUserCode } from "./user-code.ts";

/**
 * Imports a user's file and returns its default export; undefined where it has none. TypeScript runs by type stripping.
 * `what` is the file's name in messages. Throws `PIPELINE_INVALID` where it is missing or cannot be loaded.
 */
export async function importUserModule(path: string, what: string): Promise<unknown> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw new TidemarkError("PIPELINE_INVALID", `no ${what} is at ${path}`);
  try {
    const code = { name: `${what} ${path}`, file: path, code: "PIPELINE_INVALID" } as const;
    const load = (): Promise<Record<string, unknown>> => import(pathToFileURL(path).href);
    const module = await inUserCode(code, load);
    return module.default;
  } catch (cause) {
    throw new TidemarkError("PIPELINE_INVALID", `the ${what} ${path} cannot be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
}
