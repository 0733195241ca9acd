import fc from "fast-check";
import { expect, test } from "vitest";
import { safeName, shortName } from "./safe-name.ts";

test.each([
  ["orders", "orders"],
  ["crm/orders 2024", "crm_orders_2024"],
  ["sales.orders", "sales_orders"],
  ["../../etc/passwd", "_etc_passwd"],
  ["Aufträge", "Aufträge"],
  ["Auftra\u0308ge", "Aufträge"],
  ["注文", "注文"],
  ["{{ x }}", "_x_"],
])("%j becomes %j", (name, safe) => {
  expect(safeName(name)).toBe(safe);
});

test("a long name keeps its beginning, and a hash tells it from others that begin alike", () => {
  const first = safeName(`${"a".repeat(70)}1`);
  const second = safeName(`${"a".repeat(70)}2`);
  expect(first).toMatch(/^a{54}_[0-9a-f]{8}$/);
  expect(second).not.toBe(first);
});

test("whatever the name, the result fits 63 bytes, holds letters, digits and _ only, and is its own safe name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }), (name) => {
      const safe = safeName(name);
      expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(63);
      expect(safe).toMatch(/^[\p{L}\p{M}\p{N}_]+$/u);
      expect(safeName(safe)).toBe(safe);
    }),
  );
});

test("two names of more than 63 bytes are never shortened to one", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 64 }), fc.string({ minLength: 64 }), (one, other) => {
      expect(shortName(one) === shortName(other)).toBe(one === other);
    }),
  );
});
