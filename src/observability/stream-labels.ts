import type { StreamKey } from "../model/stream-key.ts";

export interface StreamLabels {
  readonly connector: string;
  readonly stream: string;
}

/** What streams beyond the most are counted under, all together. */
export const otherStreams: StreamLabels = { connector: "_other", stream: "_other" };

/** Gives streams their labels, and no more than so many: every pair of labels costs memory for good. */
export class LabelledStreams {
  readonly #most: number;
  readonly #known = new Map<string, StreamLabels>();

  constructor(most: number) {
    this.#most = most;
  }

  of({ connector, stream }: StreamKey): StreamLabels {
    const name = `${connector}\0${stream}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#most) return otherStreams;
    const labels = { connector, stream };
    this.#known.set(name, labels);
    return labels;
  }
}
