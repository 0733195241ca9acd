/** A storage's answer: a value, or a promise of one. */
export type Maybe<T> = T | Promise<T>;

/**
 * Work on stored rows, written once for every storage. It is a generator, so that it runs in one synchronous tick
 * where the storage answers at once (SQLite, files, memory), and waits where it does not (PostgreSQL).
 *
 * ```ts
 * function* watermarkOf(rows: Rows, key: StreamKey): Work<string | null> {
 *   const row = yield* got(rows.load(key, ""));
 *   return row === null ? null : row.position.watermark;
 * }
 * ```
 */
export type Work<T> = Generator<Promise<void>, T, void>;

/** The value of an answer; the work waits for it if it has to. */
export function* got<T>(answer: Maybe<T>): Work<T> {
  if (!(answer instanceof Promise)) return answer;
  const arrived: T[] = [];
  yield answer.then((value) => {
    arrived.push(value);
  });
  for (const value of arrived) return value;
  throw new Error("work went on before its answer was there");
}

/** Runs work whose storage answers synchronously. */
export function runAtOnce<T>(work: Work<T>): T {
  const { done, value } = work.next();
  if (done === true) return value;
  throw new Error("a storage that answers at once had the work wait");
}

/** Runs work and awaits each answer in turn. */
export async function runInTurn<T>(work: Work<T>): Promise<T> {
  let step = work.next();
  while (step.done !== true) {
    try {
      await step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next();
  }
  return step.value;
}
