import { DatabaseSync } from "node:sqlite";

/**
 * The loop that people write by hand, as the floor: fetch, `JSON.parse`, a prepared upsert, one
 * transaction a page. It keeps no cursor, notices no repeated page and loses its place in a crash.
 */
const [endpoint = "", file = ""] = process.argv.slice(2);

const db = new DatabaseSync(file);
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
db.exec(
  `CREATE TABLE records (id INTEGER PRIMARY KEY, updated_at TEXT, name TEXT, email TEXT, status TEXT,
   amount REAL, country TEXT, note TEXT, verified INTEGER)`,
);
const upsert = db.prepare(
  `INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, name = excluded.name,
   email = excluded.email, status = excluded.status, amount = excluded.amount,
   country = excluded.country, note = excluded.note, verified = excluded.verified`,
);

const startedAt = performance.now();
let count = 0;
let token: string | null = null;
do {
  const response = await fetch(token === null ? endpoint : `${endpoint}?token=${token}`);
  const page = JSON.parse(await response.text());
  db.exec("BEGIN");
  for (const row of page.data) {
    upsert.run(
      row.id,
      row.updated_at,
      row.name,
      row.email,
      row.status,
      row.amount,
      row.country,
      row.note,
      row.verified ? 1 : 0,
    );
    count += 1;
  }
  db.exec("COMMIT");
  token = page.next;
} while (token !== null);
const seconds = (performance.now() - startedAt) / 1000;
db.close();
console.log(
  JSON.stringify({ records: count, seconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 }),
);
