import { expect, it } from "vitest";
import { mayBecomeFree } from "./port-errors.ts";

it.each([
  ["EADDRINUSE", true],
  ["EADDRNOTAVAIL", true],
  ["EAI_AGAIN", true],
  ["EACCES", false],
  ["ENOTFOUND", false],
])("a port that fails with %s may become free: %s", (code, may) => {
  expect(mayBecomeFree(Object.assign(new Error("listen"), { code }))).toBe(may);
});
