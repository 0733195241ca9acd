/**
 * An object that forwards to another one except for some methods. Forwarded methods run on the other object itself, so
 * that private fields work. Methods that come to be added later are handed on as well.
 */
export function overriding<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_, property) {
      if (Object.hasOwn(own, property)) return Reflect.get(own, property);
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== "function") return value;
      // Not `bind`: `await using` of Node 24 takes no bound function.
      return (...args: unknown[]): unknown => Reflect.apply(value, target, args);
    },
  });
}
