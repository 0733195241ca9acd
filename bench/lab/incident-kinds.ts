/** What a schedule of two scheduling processes does to them. */
export const incidentKinds = [
  "restart of one",
  "restart of both",
  "kill of one",
  "kill of both",
  "pause of one past the lease",
  "clock ahead",
  "clock behind",
  "source fails ticks",
  "state put back",
  "output put back",
  "both put back",
] as const;

export type IncidentKind = (typeof incidentKinds)[number];
