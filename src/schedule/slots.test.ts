import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

const never = new AbortController().signal;

test("so many go on at once, and the others in the order in which they asked", async () => {
  const slots = new Slots(2);
  const [first, second] = [await slots.take(never), await slots.take(never)];
  const order: string[] = [];
  const third = slots.take(never).then((slot) => {
    order.push("third");
    return slot;
  });
  const fourth = slots.take(never).then((slot) => {
    order.push("fourth");
    return slot;
  });
  expect(order).toEqual([]);
  second[Symbol.dispose]();
  await third;
  expect(order).toEqual(["third"]);
  first[Symbol.dispose]();
  await fourth;
  expect(order).toEqual(["third", "fourth"]);
});

test("room that is given back twice is given back once", async () => {
  const slots = new Slots(1);
  const first = await slots.take(never);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await slots.take(never);
  const waiting = AbortSignal.abort(new Error("no room"));
  const leaving = new AbortController();
  const third = slots.take(leaving.signal);
  leaving.abort(new Error("gave up"));
  await expect(third).rejects.toThrow("gave up");
  await expect(slots.take(waiting)).rejects.toThrow("no room");
});

test("one that gives up leaves its turn to the next", async () => {
  const slots = new Slots(1);
  const first = await slots.take(never);
  const leaving = new AbortController();
  const second = slots.take(leaving.signal);
  const third = slots.take(never);
  leaving.abort(new Error("gave up"));
  await expect(second).rejects.toThrow("gave up");
  first[Symbol.dispose]();
  await third;
});

test("a wait that ends goes before those that have not begun, and is given room once", async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  const first = await slots.take(never);
  first.leave();
  const second = await slots.take(never);
  const third = slots.take(never).then((slot) => {
    order.push("third");
    return slot;
  });
  // Two waits of one run that end at once.
  const back = [first.enter(never), first.enter(never)].map((entered) =>
    entered.then(() => order.push("first")),
  );
  second[Symbol.dispose]();
  await Promise.all(back);
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  expect(order).toEqual(["first", "first", "third"]);
  await slots.take(never);
  expect(slots.available).toBe(false);
});

test("a run that is given up while it waits for room leaves none taken", async () => {
  const slots = new Slots(1);
  const first = await slots.take(never);
  first.leave();
  const second = await slots.take(never);
  const entered = first.enter(never);
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  await entered;
  expect(slots.available).toBe(true);
});
