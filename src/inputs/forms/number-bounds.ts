interface NumberForm {
  /** How many digits the whole part has, including leading zeros; 0 where it has no leading zeros. */
  readonly width: number;
  readonly decimals: number;
}

function formsOf(names: readonly string[]): NumberForm[] {
  return names.map((name) => {
    const [whole = "", decimals = ""] = name.split(".");
    return { width: whole.startsWith("0") ? whole.length : 0, decimals: decimals.length };
  });
}

/**
 * A number as a lower bound in the form that records have, with as many leading and trailing zeros. Of several forms,
 * the one whose text sorts first.
 */
export function numberLowerText(value: string, names: readonly string[]): string {
  const forms = formsOf(names);
  return padded(value, {
    width: Math.max(0, ...forms.map(({ width }) => width)),
    decimals: Math.max(0, ...forms.map(({ decimals }) => decimals)),
  });
}

/** As `numberLowerText`, for an upper bound. */
export function numberUpperText(value: string, names: readonly string[]): string {
  const forms = formsOf(names);
  return padded(value, {
    width: forms.length === 0 ? 0 : Math.min(...forms.map(({ width }) => width)),
    decimals: Math.max(0, ...forms.map(({ decimals }) => decimals)),
  });
}

function padded(value: string, { width, decimals }: NumberForm): string {
  if (value.startsWith("-")) return value;
  const [whole = "", fraction = ""] = value.split(".");
  const digits = fraction.padEnd(decimals, "0");
  return `${whole.padStart(width, "0")}${digits === "" ? "" : `.${digits}`}`;
}

/** How many decimals records write in an epoch timestamp, where it is a text. */
export function decimalsOf(names: readonly string[]): number {
  return Math.max(0, ...formsOf(names).map(({ decimals }) => decimals));
}
