/**
 * Signals that would end the process, or open it to a debugger, unless something listens. SIGHUP comes when a terminal
 * is closed, and asks a long-running process to read its files again; SIGUSR1 opens Node's inspector, through which
 * every user of the machine could read secrets.
 */
export function outliveSignals(): void {
  for (const name of ["SIGHUP", "SIGUSR1"] as const) process.on(name, () => {});
}

/** Calls back with each SIGHUP until the signal aborts. */
export function onHangup(reload: () => void, signal: AbortSignal): void {
  process.on("SIGHUP", reload);
  signal.addEventListener("abort", () => process.off("SIGHUP", reload), { once: true });
}
