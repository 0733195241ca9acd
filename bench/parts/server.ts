import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The source that everything is measured against: a REST API of so many records, in pages with a
 * token, sorted by `updated_at`. Every page is made before the first request, so that the server
 * costs as little as it can. Prints its address when it is ready.
 */
const count = Number(process.argv[2] ?? 100_000);
const pageSize = Number(process.argv[3] ?? 1000);
const firstMoment = Date.UTC(2026, 0, 1);

function record(index: number): object {
  return {
    id: index + 1,
    updated_at: new Date(firstMoment + index * 10).toISOString(),
    name: `customer ${index}`,
    email: `customer-${index}@example.com`,
    status: index % 3 === 0 ? "active" : "dormant",
    amount: (index % 100_000) / 100,
    country: ["DE", "FR", "JP", "BR", "US"][index % 5],
    note: "The quick brown fox jumps over the lazy dog, and then it does so once more for good measure.",
    verified: index % 2 === 0,
  };
}

const pages: Buffer[] = [];
for (let start = 0; start < count; start += pageSize) {
  const end = Math.min(start + pageSize, count);
  const records = Array.from({ length: end - start }, (_, offset) => record(start + offset));
  pages.push(
    Buffer.from(JSON.stringify({ data: records, next: end < count ? String(pages.length + 1) : null })),
  );
}
const empty = Buffer.from(JSON.stringify({ data: [], next: null }));

/** The first page that holds a record updated at or after the moment. */
function pageSince(since: string | null): number {
  if (since === null) return 0;
  const index = Math.max(0, Math.ceil((Date.parse(since) - firstMoment) / 10));
  return Math.floor(index / pageSize);
}

const server = createServer((request, response) => {
  const query = new URL(request.url ?? "/", "http://localhost").searchParams;
  const token = query.get("token");
  const page = token === null ? pageSince(query.get("updated_after")) : Number(token);
  const body = pages[page] ?? empty;
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
});

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`http://127.0.0.1:${port}/records`);
});
