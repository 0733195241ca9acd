import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { SqlConnection } from "../../sql/port.ts";

/** A column that is plainly not what the cursor is declared as would only show in its first record. */
export async function refuseOddColumn(
  connection: SqlConnection,
  table: string,
  leading: CursorField | undefined,
): Promise<void> {
  const columns = await connection.columns(table);
  if (columns === null) {
    throw new TidemarkError("QUERY_FAILED", `the table ${table} does not exist`, {
      hint: "Check its name and schema, and that the user may see it.",
    });
  }
  const kind = columns.find(({ name }) => name === leading?.path?.at(-1))?.kind;
  if (leading?.type === "timestamp_utc" && leading.format.kind === "iso8601" && kind === "integer") {
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `the column ${leading.path?.join(".")} of ${table} holds numbers, and the cursor is declared a timestamp`,
      {
        hint: "Declare `statePersistence: { id: { field: … } }` for ids, or `format: epoch_ms` for times.",
      },
    );
  }
  if (leading?.type === "numeric_id" && kind === "text") {
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `the column ${leading.path?.join(".")} of ${table} holds text, which the database does not compare as numbers`,
      { hint: "Declare `statePersistence.id.type: text`, or give a `query` that casts it." },
    );
  }
}
