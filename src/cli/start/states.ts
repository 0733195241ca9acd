import type { StateStore } from "../../state/contract.ts";
import { openState } from "../../state/storage/open.ts";
import { stateKey } from "../state-access.ts";

export interface OpenedState {
  readonly url: string;
  readonly state: StateStore;
}

/** The states that pipelines keep their places in, each opened once and kept open until the end. */
export class States implements AsyncDisposable {
  readonly #watched: (state: StateStore) => StateStore;
  readonly #open = new Map<string, Promise<StateStore>>();
  readonly #opened: OpenedState[] = [];

  /** `watched` is what is handed out in a state's stead. */
  constructor(watched: (state: StateStore) => StateStore) {
    this.#watched = watched;
  }

  /** The state at a URL. One that cannot be opened is tried again the next time. Throws as `openState` does. */
  open(url: string): Promise<StateStore> {
    const known = this.#open.get(url);
    if (known !== undefined) return known;
    const opening = openState(url, stateKey()).then((state) => {
      const watched = this.#watched(state);
      this.#opened.push({ url, state: watched });
      return watched;
    });
    this.#open.set(url, opening);
    opening.catch(() => this.#open.delete(url));
    return opening;
  }

  /** Those that are open now. */
  get opened(): readonly OpenedState[] {
    return this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#opened.map(({ state }) => state.close()));
  }
}
