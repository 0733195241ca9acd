import { expect, test } from "vitest";
import { closeAll } from "./close-all.ts";

test("all parts are closed, also those after one that fails, and its error is thrown", async () => {
  const closed: string[] = [];
  const part = (name: string, error?: Error) => ({
    close: async (): Promise<void> => {
      closed.push(name);
      if (error !== undefined) throw error;
    },
  });
  await expect(closeAll([part("a"), part("b", new Error("gone")), part("c")])).rejects.toThrow("gone");
  expect(closed).toEqual(["a", "b", "c"]);
});
