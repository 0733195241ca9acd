import type { UuidOrder } from "../port.ts";
import { isUuid } from "../uuid.ts";

/** MariaDB sorts UUIDs of the versions 1 to 5 by the parts of their time. */
export const uuidOrder: UuidOrder = {
  differs: (value) => typeof value === "string" && isUuid(value) && /[1-5]/.test(value[14] ?? ""),
  warning: (field) =>
    `MariaDB sorts the UUIDs of ${field} by the parts of their time, and cursors of type text are sorted by their letters: rows may be left out. Write CAST(${field} AS CHAR) where the query compares and sorts, and select it AS ${field}; or read by \`table\``,
};
