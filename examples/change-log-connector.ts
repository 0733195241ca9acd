import { z } from "zod";
import { defineConnector } from "../src/index.ts"; // In a project of your own: from "tidemark".

const pageSchema = z.object({ changes: z.array(z.object({ seq: z.int() }).loose()), more: z.boolean() });

/** Reads a log of changes, numbered from 1, by asking for what comes after a number. */
export default defineConnector({
  id: "change-log",
  cursorType: "numeric_id",
  configSchema: z.strictObject({ url: z.url(), token: z.string(), pageSize: z.int().default(100) }),
  async *sync({ cursor, signal, config }) {
    const headers = { authorization: `Bearer ${config.token}` };
    for (let after = cursor ?? "0", more = true; more; ) {
      const query = new URLSearchParams({ after, limit: String(config.pageSize) });
      const answer = await fetch(`${config.url}/changes?${query}`, { headers, signal });
      if (!answer.ok) throw new Error(`the log answered ${answer.status}`);
      const page = pageSchema.parse(await answer.json());
      const last = page.changes.at(-1);
      if (last === undefined) return;
      after = String(last.seq);
      more = page.more;
      yield { records: page.changes, cursor: after };
    }
  },
});
