import type { StateStore, StreamState } from "../src/index.ts"; // In a project of your own: from "tidemark".

/**
 * A state store around another one: it calls `onMoved` after each run that has completed, with the stream's state
 * now. Everything else goes to the store inside as it is.
 */
export function notifyingState(inside: StateStore, onMoved: (state: StreamState) => void): StateStore {
  const complete: StateStore["complete"] = async (...given) => {
    const state = await inside.complete(...given);
    onMoved(state);
    return state;
  };
  return new Proxy(inside, {
    get(target, name) {
      if (name === "complete") return complete;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      // Not `bind`: Node 24 takes no bound function for what `await using` calls.
      return (...given: unknown[]): unknown => Reflect.apply(value, target, given);
    },
  });
}
