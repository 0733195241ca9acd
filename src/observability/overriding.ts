/**
 * An object that forwards to another one except for some methods. Forwarded methods run on the other object itself, so
 * that private fields work. Methods that come to be added later are handed on as well.
 */
export function overriding<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_, property) {
      if (Object.hasOwn(own, property)) return Reflect.get(own, property);
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
