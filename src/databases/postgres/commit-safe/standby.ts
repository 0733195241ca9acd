import type { SqlConnection } from "../../port.ts";
import { Unbounded } from "../../unbounded.ts";

/** Throws `Unbounded` on a standby, which does not know of the transactions that are open on its primary. */
export async function primaryOnly(connection: SqlConnection): Promise<void> {
  const [row] = await connection.query("SELECT pg_is_in_recovery() AS standby");
  if (row?.standby !== true) return;
  throw new Unbounded(
    "this is a standby, which does not know what is open on its primary",
    "Read from the primary, read the table with `cursor: xmin`, or declare `settle`.",
  );
}
