/**
 * Passes items on while the next one is already being fetched, one ahead and no more. What the source
 * throws is thrown in its turn. Ending the iteration early ends the source.
 */
export async function* readAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = iterator.next();
      // Its failure belongs to the turn in which it is awaited, and must not count as unhandled until then.
      next.catch(() => {});
      yield item.value;
    }
  } finally {
    await iterator.return?.();
  }
}
