import type { TidemarkError } from "../../errors.ts";
import { faultFoundHere, type RecordFault } from "../table/record-fault.ts";

/**
 * In addition to the classes of data (22), constraints (23), a view's own condition (44) and what a trigger signals (45):
 * a value that is too large or out of range, a text that is no number or date, or not of its column's character
 * set, a missing value, a foreign key, a partition that is missing, JSON, a CHECK. 1242 is our own: an upsert whose
 * key met a row that has another one. 1172 is a trigger's SELECT that found several rows.
 */
const ofRows = new Set([
  1048, 1062, 1118, 1153, 1172, 1216, 1242, 1264, 1265, 1267, 1270, 1271, 1292, 1300, 1301, 1364, 1366, 1367,
  1369, 1406, 1411, 1416, 1441, 1451, 1452, 1525, 1526, 1557, 1586, 1644, 1690, 1748, 1977, 3140, 3141, 3144,
  3156, 3157, 3819, 3854, 3988, 4025,
]);
const classesOfRows = /^(?:22|23|44|45)/;

/** What a value by itself may be refused for: data (22), and all that has no class of its own (HY), or that of a statement (42). */
const classesOfValues = /^(?:22|42|HY)/;
/** A table's rules, those of a view, and what a trigger signals, have a class of values. */
const rulesOfTables = new Set([1369, 1644, 3819, 4025]);

/** A foreign key or a unique key: other rows of the batch may lift them. */
const liftedByOthers = new Set([1062, 1216, 1452, 1557, 1586]);

/** `Incorrect … value: 'x' for column `db`.`t`.`a` at row 1`, `Data too long for column 'a'`, `Column 'a' cannot be null`. */
const named = /(?:for column|Column|Field) (?:`[^`]*`\.`[^`]*`\.)?['`]([^'`]+)['`]/;
/** A foreign key's own column: `… FOREIGN KEY (`a`) REFERENCES …`. */
const foreignKey = /FOREIGN KEY \(`([^)]+)`\)/;

export function mysqlFault(error: TidemarkError): RecordFault | null {
  const own = faultFoundHere(error);
  if (own !== null) return own;
  const { sqlState, errno } = error.details ?? {};
  const number = Number(errno);
  const isOfRows = ofRows.has(number) || (typeof sqlState === "string" && classesOfRows.test(sqlState));
  if (error.code !== "QUERY_FAILED" || !isOfRows) return null;
  return {
    columns: columnsOf(error.message),
    awaitsOthers: liftedByOthers.has(number),
    ofOneValue: classesOfValues.test(String(sqlState)) && !rulesOfTables.has(number),
  };
}

function columnsOf(message: string): string[] {
  const [, column] = named.exec(message) ?? [];
  if (column !== undefined) return [column];
  const [, list] = foreignKey.exec(message) ?? [];
  return list === undefined ? [] : list.split("`, `");
}
