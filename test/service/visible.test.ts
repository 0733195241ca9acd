import { expect, it } from "vitest";
import { z } from "zod";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { done, type Running, startService } from "./support.ts";

const page = z.object({
  items: z.array(z.object({ connector: z.string(), stream: z.string() })),
  next_cursor: z.string().nullable(),
});

/** Every page that a key is shown, in order. */
async function pages(service: Running, key: string, query: string): Promise<z.infer<typeof page>[]> {
  const shown: z.infer<typeof page>[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    shown.push(page.parse(done(await service.ask("GET", `/v1/streams?${query}${more}`, { key }))));
    cursor = shown.at(-1)?.next_cursor ?? null;
  } while (cursor !== null);
  return shown;
}

async function manyStreams(): Promise<Running> {
  const state = openMemoryState();
  const connectors = ["acme", "beta", "sap_eu", "sap_us", "zeta", "é_eu", "🦉"];
  for (const connector of connectors) {
    for (let n = 0; n < 7; n++) await state.begin({ connector, stream: `s${n}` }, { cursorType: null });
  }
  return startService({ state });
}

const views = [
  { patterns: ["sap_*"], sees: ["sap_eu", "sap_us"] },
  { patterns: ["*_eu"], sees: ["sap_eu", "é_eu"] },
  { patterns: ["acme", "zeta"], sees: ["acme", "zeta"] },
  { patterns: ["?"], sees: ["🦉"] },
  { patterns: ["nobody"], sees: [] },
  { patterns: ["*"], sees: ["acme", "beta", "sap_eu", "sap_us", "zeta", "é_eu", "🦉"] },
];

it.each(views)(
  "a key bound to $patterns lists the streams of $sees in full pages",
  async ({ patterns, sees }) => {
    const service = await manyStreams();
    const key = await service.key("read", patterns);
    const shown = await pages(service, key, "limit=4");
    const all = shown.flatMap(({ items }) => items);
    expect(all.map(({ connector, stream }) => `${connector}/${stream}`)).toEqual(
      sees.flatMap((connector) => Array.from({ length: 7 }, (_, n) => `${connector}/s${n}`)),
    );
    for (const { items } of shown.slice(0, -1)) expect(items).toHaveLength(4);
  },
);

it("a page's cursor tells a bound key nothing of other connectors", async () => {
  const service = await manyStreams();
  const key = await service.key("read", ["acme", "zeta"]);
  for (const { next_cursor: cursor } of await pages(service, key, "limit=7")) {
    const told = Buffer.from(cursor ?? "", "base64url").toString();
    expect(told).not.toMatch(/beta|sap/);
  }
});

it("a key that asks for a connector it may not see is shown none", async () => {
  const service = await manyStreams();
  const key = await service.key("read", ["acme"]);
  expect(await pages(service, key, "connector=zeta")).toEqual([{ items: [], next_cursor: null }]);
  expect((await pages(service, key, "connector=acme"))[0]?.items).toHaveLength(7);
});
