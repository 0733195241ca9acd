/** The longest name that is made from a pipeline's, in characters. */
const longest = 60;

/**
 * A name for a file or a table, made from the pipeline's: `My events: daily` with `-` is `my-events-daily`. Letters
 * and digits of every script are kept.
 */
export function plainName(name: string, separator: "-" | "_"): string {
  const parts =
    name
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const text = [...parts.join(separator)].slice(0, longest).join("");
  return text === "" ? "pipeline" : text;
}
