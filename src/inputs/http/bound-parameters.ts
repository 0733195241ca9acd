import type { CursorField, Incremental, ReadRequest } from "../../engine/ports.ts";
import { exactNumber } from "../../model/exact-number.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import type { ResumePoint } from "../../model/position.ts";
import { type CursorFormat, parseCursorFormat } from "../../model/timestamp.ts";
import {
  type LowerBoundText,
  lowerBoundText,
  type UpperBoundText,
  upperBoundText,
} from "../forms/bound-text.ts";
import type { SourceForms } from "../forms/source-forms.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** A value to send: as text in a query, as JSON in a body. */
export interface Parameter {
  readonly text: string;
  readonly json: unknown;
}

export const textParameter = (text: string): Parameter => ({ text, json: text });
export const numberParameter = (text: string): Parameter => ({ text, json: exactNumber(text) });

/** The data that bounds are made from. */
export interface BoundParameterParts {
  readonly config: HttpPollingConfig;
  readonly incremental: Incremental;
  /** The forms in which records write their cursors. */
  readonly forms: SourceForms;
}

/** The window's bounds, by parameter name. `hasMoved`: the lower bound was moved to a record of this read. */
export function boundParameters(
  parts: BoundParameterParts,
  { window, secondaryCursors }: Pick<ReadRequest, "window" | "secondaryCursors">,
  hasMoved = false,
): Map<string, Parameter> {
  const { config, incremental, forms } = parts;
  const { timestamp, id, offset, until } = config.statePersistence;
  const parameters = new Map<string, Parameter>();
  const names: Partial<Record<CursorField["role"], string>> = {
    timestamp: timestamp?.queryParam,
    id: id?.queryParam,
    offset: offset?.queryParam,
  };
  const [leading] = incremental.cursors;
  const sent = secondaryCursorsSent(incremental, secondaryCursors);
  const send = (field: CursorField, value: string, secondaryCursor: boolean): void => {
    const name = names[field.role];
    if (name === undefined) return;
    parameters.set(name, parameterOf(lowerText(parts, field, value, { secondaryCursor, hasMoved })));
  };
  if (leading !== undefined && window.lower !== null) send(leading, window.lower.value, sent.length > 0);
  for (const field of sent) send(field, secondaryCursors.id ?? "", false);
  if (leading !== undefined && window.upper !== null && until !== undefined) {
    const format =
      until.format === undefined
        ? queryFormatOf(config)
        : parseCursorFormat(until.format, timestamp?.timezone ?? "UTC");
    const bound = { format, forms: forms.of(leading) };
    const text = upperBoundText(leading, window.upper.value, until.bound, bound);
    parameters.set(until.queryParam, parameterOf(text));
  }
  return parameters;
}

/** Bounds in the form in which a resume point keeps them. */
export function keptBounds(bounds: ReadonlyMap<string, Parameter>): Record<string, string> {
  return Object.fromEntries([...bounds].map(([name, { json }]) => [name, stringifyJson(json)]));
}

/** The bounds stored with a resume point; null where it has none. */
export function resumedBounds(resume: ResumePoint | null): Map<string, Parameter> | null {
  if (resume?.bounds === undefined) return null;
  return new Map(
    Object.entries(resume.bounds).map(([name, text]) => {
      const json = parseJson(text);
      return [name, { text: String(json), json }];
    }),
  );
}

/** The value that the leading cursor's lower bound means once it is formatted. */
export function leadingBound(
  parts: BoundParameterParts,
  field: CursorField,
  value: string,
  secondaryCursors: ReadRequest["secondaryCursors"],
  hasMoved = false,
): LowerBoundText {
  const secondaryCursor = secondaryCursorsSent(parts.incremental, secondaryCursors).length > 0;
  return lowerText(parts, field, value, { secondaryCursor, hasMoved });
}

function lowerText(
  { config, forms }: BoundParameterParts,
  field: CursorField,
  value: string,
  { secondaryCursor, hasMoved }: { readonly secondaryCursor: boolean; readonly hasMoved: boolean },
): LowerBoundText {
  const bound = { format: queryFormatOf(config), forms: forms.of(field), hasMoved };
  return lowerBoundText(field, value, secondaryCursor, bound);
}

function secondaryCursorsSent(
  { cursors }: Incremental,
  secondaryCursors: ReadRequest["secondaryCursors"],
): CursorField[] {
  return cursors.slice(1).filter((field) => field.role === "id" && secondaryCursors.id !== undefined);
}

function parameterOf({ text, isNumber }: UpperBoundText): Parameter {
  return isNumber ? numberParameter(text) : textParameter(text);
}

function queryFormatOf({ statePersistence: { timestamp } }: HttpPollingConfig): CursorFormat {
  return parseCursorFormat(
    timestamp?.queryFormat ?? timestamp?.format ?? "iso8601",
    timestamp?.timezone ?? "UTC",
  );
}
