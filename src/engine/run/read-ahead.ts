import { setImmediate as turn } from "node:timers/promises";

/**
 * Passes items on while the next one is already being fetched, one ahead and no more. What the source
 * throws is thrown in its turn. Ending the iteration early ends the source, and calls `stop` before,
 * so that it need not first come to the end of what it is fetching.
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
    // Its failure belongs to the turn in which it is awaited, and must not count as unhandled until then.
    next.catch(end);
    return next;
  };
  let next = fetched();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return end();
      next = fetched();
      // Lets the next request out before this item is worked on: a database may hold the thread meanwhile,
      // and the source would stand idle for as long.
      await turn();
      yield item.value;
    }
  } finally {
    if (!ended) stop();
    await iterator.return?.();
  }
}
