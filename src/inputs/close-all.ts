/** Closes all parts of a session, also where one of them fails. Throws the first error. */
export async function closeAll(parts: readonly { close(): Promise<void> }[]): Promise<void> {
  const closed = await Promise.allSettled(parts.map((part) => part.close()));
  for (const one of closed) if (one.status === "rejected") throw one.reason;
}
