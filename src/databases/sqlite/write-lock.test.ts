import { expect, test } from "vitest";
import { takeWriteTurn } from "./write-lock.ts";

test("writers of one database take turns in the order they asked, those of another do not wait", async () => {
  const order: string[] = [];
  const first = await takeWriteTurn("one");
  const waiting = ["a", "b"].map(async (name) => {
    const done = await takeWriteTurn("one");
    order.push(name);
    done();
  });
  (await takeWriteTurn("other"))();
  order.push("first");
  first();
  await Promise.all(waiting);
  expect(order).toEqual(["first", "a", "b"]);
});
