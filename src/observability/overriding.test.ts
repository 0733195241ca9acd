import { expect, test } from "vitest";
import { overriding } from "./overriding.ts";

class Counter {
  #count = 0;
  ended = false;

  next(by: number): number {
    this.#count += by;
    return this.#count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended = true;
  }
}

test("forwarded methods run on the other object, with their arguments and results", () => {
  const counter = new Counter();
  const forwarding = overriding<Counter>(counter, {});
  expect(forwarding.next(2)).toBe(2);
  expect(counter.next(3)).toBe(5);
  expect(overriding<Counter>(counter, { next: () => 7 }).next(1)).toBe(7);
});

test("`await using` disposes of the other object", async () => {
  const counter = new Counter();
  {
    await using forwarding = overriding<Counter>(counter, {});
    expect(forwarding.ended).toBe(false);
  }
  expect(counter.ended).toBe(true);
});
