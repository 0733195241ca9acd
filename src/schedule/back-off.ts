/** How long to wait before a failed run is tried again, in milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly mostMs: number;
}

export const defaultBackOff: BackOff = { firstMs: 1000, mostMs: 300_000 };

/**
 * The wait after a number of failures in a row, from 1: it doubles each time up to the maximum. Half of it is fixed and
 * half random, so that pipelines that failed together do not retry together. `random` gives numbers from 0 to 1.
 */
export function backOffMs(failures: number, random: () => number, backOff: BackOff = defaultBackOff): number {
  const whole = Math.min(backOff.mostMs, backOff.firstMs * 2 ** Math.min(failures - 1, 40));
  return Math.round(whole / 2 + (whole / 2) * random());
}
