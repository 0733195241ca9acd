import { z } from "zod";

const termsSchema = z.record(z.string(), z.unknown());

/** The terms of a key without the hash of its secret, which no service hands out. */
export function visibleTerms(terms: string): Record<string, unknown> {
  const { secret_sha256: _, ...visible } = termsSchema.parse(JSON.parse(terms));
  return visible;
}
