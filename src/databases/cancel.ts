import { setTimeout as delay } from "node:timers/promises";

const pauseMilliseconds = 50;

/** A connection of its own, by which another one's query is broken off. */
interface Messenger {
  /** Asks the server to break off what the other connection runs. */
  cancel(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Has a server break off what a connection waits for. It asks again until the wait is over, since a query that has not
 * quite begun is not broken off. Never throws: without an answer the query runs to its end, and its rows are not used.
 */
export async function cancelWhile(waiting: () => boolean, connect: () => Promise<Messenger>): Promise<void> {
  let messenger: Messenger | undefined;
  try {
    messenger = await connect();
    while (waiting()) {
      await messenger.cancel();
      await delay(pauseMilliseconds);
    }
  } catch {
    // The query then runs to its end.
  } finally {
    await messenger?.close();
  }
}
