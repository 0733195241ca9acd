import { setImmediate as turn } from "node:timers/promises";

/**
 * Passes items on while the next one is being fetched, exactly one ahead. An error of the source is thrown in order,
 * after the items before it. Ending the iteration early ends the source, and calls `stop` before, so that it need not
 * finish what it is fetching.
 */
export async function* readAhead<T>(
  source: AsyncIterable<T>,
  stop: () => void,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  const fetched = (): Promise<IteratorResult<T>> => {
    const next = iterator.next();
    // Its rejection is handled when it is awaited, and must not count as unhandled until then.
    next.catch(end);
    return next;
  };
  let next = fetched();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return end();
      next = fetched();
      // Starts the next request before this item is processed: an embedded database may block the thread, and the
      // source would be idle meanwhile.
      await turn();
      yield item.value;
    }
  } finally {
    if (!ended) stop();
    await iterator.return?.();
  }
}
