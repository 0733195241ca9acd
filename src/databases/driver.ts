import { TidemarkError } from "../errors.ts";

/** Loads an optional package that only one database needs. Throws `DRIVER_MISSING` naming the install command. */
export async function loadDriver<T>(load: () => Promise<T>, needs: string, name: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissingPackage(error)) throw error;
    throw new TidemarkError("DRIVER_MISSING", `${needs} the package \`${name}\``, {
      cause: error,
      hint: `Install it next to tidemark: npm install ${name}`,
    });
  }
}

/** Whether an import failed since the package is not installed. */
export function isMissingPackage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}
