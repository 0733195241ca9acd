/** UUIDs as texts: 32 digits in lower case, whose order is that of their bytes. */

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const lowestUuid = "00000000-0000-0000-0000-000000000000";

/** Whether a text is a UUID in this form. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/**
 * The UUID to bind for a text bound: the text itself where it is one, and else one that is not after it. A bound
 * that was lowered by one character may end in what is no digit.
 */
export function uuidNotAfter(text: string): string {
  if (uuid.test(text)) return text;
  const head = text.slice(0, -1);
  const last = text.at(-1) ?? "";
  if (uuid.test(`${head}9`) && last > "9") return `${head}9`;
  if (!uuid.test(`${head}0`)) return lowestUuid;
  return before(`${head}0`);
}

function before(text: string): string {
  const value = BigInt(`0x${text.replaceAll("-", "")}`);
  if (value === 0n) return lowestUuid;
  const digits = (value - 1n).toString(16).padStart(32, "0");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
