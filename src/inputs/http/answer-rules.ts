import { parsePath } from "../../model/record.ts";
import type { AnswerRules } from "./answer.ts";
import type { Facts } from "./facts.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** What an input declares about its answers. */
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
    errorFields: errorField === undefined ? null : [errorField ?? []].flat().map(parsePath),
    totalFields: totals.filter((path) => path !== undefined).map(parsePath),
    nextFields: nextFields({ pagination }).map(parsePath),
    moreField: moreFieldOf({ pagination }),
    facts,
  };
}

function moreFieldOf({ pagination }: Pick<HttpPollingConfig, "pagination">): AnswerRules["moreField"] {
  if (pagination === undefined || !("hasMoreField" in pagination)) return null;
  return pagination.hasMoreField === undefined ? null : parsePath(pagination.hasMoreField);
}

/** The dotted paths in `pagination` at which an answer shows that another page follows. */
function nextFields({ pagination }: Pick<HttpPollingConfig, "pagination">): readonly string[] {
  if (pagination === undefined) return [];
  return [
    "hasMoreField" in pagination ? pagination.hasMoreField : undefined,
    "nextCursorField" in pagination ? pagination.nextCursorField : undefined,
  ].filter((path) => path !== undefined);
}

/** The dotted paths in `pagination` at which an answer shows whether another page follows, and the totals. */
export function placeFields({ pagination }: Pick<HttpPollingConfig, "pagination">): readonly string[] {
  if (pagination === undefined) return [];
  return [
    ...nextFields({ pagination }),
    "totalField" in pagination ? pagination.totalField : undefined,
    "totalPagesField" in pagination ? pagination.totalPagesField : undefined,
  ].filter((path) => path !== undefined);
}
