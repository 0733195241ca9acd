import { formatPath, type Path, parsePath } from "../../model/record.ts";
import type { AnswerRules } from "./answer.ts";
import type { Facts } from "./facts.ts";
import { defaultErrorPaths } from "./failure-signs.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** What an input declares of its answers. */
export function answerRules(
  { dataField, errorField, pagination }: Pick<HttpPollingConfig, "dataField" | "errorField" | "pagination">,
  facts: Facts,
): AnswerRules {
  const totals =
    pagination === undefined
      ? []
      : [
          "totalField" in pagination ? pagination.totalField : undefined,
          "totalPagesField" in pagination ? pagination.totalPagesField : undefined,
        ];
  return {
    dataField: dataField === undefined ? null : parsePath(dataField),
    errorFields: errorPaths(errorField, dataField),
    totalFields: totals.filter((path) => path !== undefined).map(parsePath),
    facts,
  };
}

function errorPaths(
  declared: HttpPollingConfig["errorField"],
  dataField: string | undefined,
): readonly Path[] {
  if (declared === null) return [];
  if (declared !== undefined) return [declared].flat().map(parsePath);
  return defaultErrorPaths.filter((path) => !liesOn(formatPath(path), dataField));
}

/** Whether the way to the records leads through a path: what is there is then no report of a failure. */
export function liesOn(path: string, dataField: string | undefined): boolean {
  return dataField === path || (dataField?.startsWith(`${path}.`) ?? false);
}
