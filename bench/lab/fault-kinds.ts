/** What a schedule does to a run. */
export const faultKinds = [
  "kill",
  "pause past the lease",
  "two workers",
  "source errors",
  "source cuts",
  "expired tokens",
  "full disk",
  "database restart",
  "network cut",
  "network freeze",
  "network delay",
  "network half-open",
] as const;

export type FaultKind = (typeof faultKinds)[number];
