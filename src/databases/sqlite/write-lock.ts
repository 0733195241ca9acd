/** The last in line for each database, by its identity. */
const lines = new Map<string, Promise<void>>();

/**
 * Waits until no other writer of this process has an open transaction on the database, and returns the function that
 * releases the lock. Connections of one process need this queue because SQLite's own wait for a lock blocks the thread,
 * and with it the writer that it waits for.
 */
export async function takeWriteTurn(databaseIdentity: string): Promise<() => void> {
  const before = lines.get(databaseIdentity);
  const { promise, resolve } = Promise.withResolvers<void>();
  lines.set(databaseIdentity, promise);
  await before;
  return () => {
    if (lines.get(databaseIdentity) === promise) lines.delete(databaseIdentity);
    resolve();
  };
}
