import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import mysql, { type RowDataPacket } from "mysql2/promise";
import pg from "pg";

/** The ids that an output holds, in no order; ids that it holds twice come twice. */
export type DeliveredIds = () => Promise<number[]>;

export function idsInSqlite(file: string, table: string): DeliveredIds {
  return async () => {
    const db = new DatabaseSync(file, { readOnly: true });
    try {
      return db
        .prepare(`SELECT id FROM ${table}`)
        .all()
        .map(({ id }) => Number(id));
    } finally {
      db.close();
    }
  };
}

export function idsInPostgres(url: string, table: string): DeliveredIds {
  return async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(`SELECT id FROM ${table}`)).rows.map(({ id }) => Number(id));
    } finally {
      await client.end();
    }
  };
}

export function idsInMysql(url: string, table: string): DeliveredIds {
  return async () => {
    const connection = await mysql.createConnection(url);
    try {
      const [rows] = await connection.query<RowDataPacket[]>(`SELECT id FROM ${table}`);
      return rows.map(({ id }) => Number(id));
    } finally {
      await connection.end();
    }
  };
}

export function idsInFile(file: string): DeliveredIds {
  return async () => {
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    return lines.map((line) => Number(JSON.parse(line).id));
  };
}

/** What was lost of 1 … count and what came more than once: both shall be empty. */
export function lostAndRepeated(
  ids: readonly number[],
  count: number,
): { lost: number[]; repeated: number[] } {
  const times = new Map<number, number>();
  for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1);
  const all = Array.from({ length: count }, (_, index) => index + 1);
  return {
    lost: all.filter((id) => !times.has(id)),
    repeated: [...times].filter(([, many]) => many > 1).map(([id]) => id),
  };
}
