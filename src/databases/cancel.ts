import { setTimeout as delay } from "node:timers/promises";

const pauseMilliseconds = 50;

/** A separate connection that cancels another connection's query. */
interface Messenger {
  /** Asks the server to cancel what the other connection runs. */
  cancel(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Has a server cancel the query that a connection waits for. It repeats the request until the wait is over, since a
 * query that has not started yet is not cancelled. Never throws: without an answer the query runs to its end, and its
 * rows are not used.
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
