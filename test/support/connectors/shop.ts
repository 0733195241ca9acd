import { z } from "zod";
import { defineConnector } from "../../../src/index.ts";

/** A connector with a configuration of some depth, which it tells in its only record. */
export default defineConnector({
  id: "shop",
  configSchema: z.strictObject({
    region: z.enum(["eu", "us"]).describe("Where the shop is."),
    token: z.string().min(8).optional(),
    paging: z.strictObject({ size: z.int().min(1).default(50) }).default({ size: 50 }),
    kinds: z.array(z.strictObject({ name: z.string() })).default([]),
  }),
  async *sync({ cursor, config }) {
    if (cursor === null) yield { record: { id: 1, size: config.paging.size }, cursor: "1" };
  },
});
