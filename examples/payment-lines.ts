interface Payment {
  readonly id: number;
  readonly currency: string;
  readonly source: string;
  readonly lines: readonly { readonly text: string; readonly amount: number }[];
}

/** A record for each line of a payment; a payment without lines is left out. */
export default function paymentLines({ id, currency, source, lines }: Payment): object[] | null {
  if (lines.length === 0) return null;
  return lines.map((line, index) => ({ payment: id, line: index + 1, ...line, currency, source }));
}
