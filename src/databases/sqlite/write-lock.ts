/** The last in line for each database, by its identity. */
const lines = new Map<string, Promise<void>>();

/**
 * Waits until no other writer of this process has a transaction open on the database, and returns
 * what ends the turn. Connections of one process have to take turns before they ask SQLite: its own
 * wait for a lock stops the whole thread, and with it the writer that it waits for.
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
