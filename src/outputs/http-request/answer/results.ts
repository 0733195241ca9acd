import { snippet } from "../../../http/failures.ts";
import { ExactNumber } from "../../../model/exact-number.ts";
import { stringifyJson } from "../../../model/json.ts";
import { type Path, parsePath, type SourceRecord, valueAt } from "../../../model/record.ts";
import { showValue } from "../../../model/unreadable-value.ts";
import type { SeenAnswer } from "./conditions.ts";
import {
  type Condition,
  compileCondition,
  compileExpression,
  type Expression,
  UnclearAnswer,
} from "./expressions.ts";
import type { ResultsConfig } from "./schema.ts";

/** The target's result for one record of a batch. */
export interface RecordResult {
  readonly ruling: "retry" | "refused" | "success";
  /** The target's reason; undefined where a record is taken. */
  readonly reason: unknown;
}

/** Reads the results per record in an answer; throws `UnclearAnswer` where they do not fit the declaration. */
export type ResultsOf = (answer: SeenAnswer, records: readonly SourceRecord[]) => Promise<RecordResult[]>;

export function compileResults(config: ResultsConfig): ResultsOf {
  const listOf = compileList(config);
  const match = compileMatch(config);
  const judge = compileJudge(config);
  return async (answer, records) => {
    const list = await listOf(answer);
    const matched = await match(list, records, answer);
    return Promise.all(
      matched.map(async (result) =>
        result === unnamed ? { ruling: "success", reason: undefined } : await judge(result, answer),
      ),
    );
  };
}

/** The result of a record that no result names. */
const unnamed = Symbol("unnamed");

function compileList({
  list,
  unnamed: unnamedIs,
}: ResultsConfig): (answer: SeenAnswer) => Promise<unknown[]> {
  const evaluate = compileExpression(list);
  return async (answer) => {
    const found = await evaluate(answer.body, answer);
    // JSONata returns a list with one element as that element.
    if (found !== undefined && found !== null) return Array.isArray(found) ? found : [found];
    if (unnamedIs === "success") return [];
    throw new UnclearAnswer(` and without a list of results at \`${list}\``);
  };
}

type Match = (list: unknown[], records: readonly SourceRecord[], answer: SeenAnswer) => Promise<unknown[]>;

function compileMatch({ match, unnamed: unnamedIs, list: at }: ResultsConfig): Match {
  if (match === "order") {
    return async (list, records) => {
      if (list.length !== records.length) throw differ(list, records, at);
      return list;
    };
  }
  const nameOfResult = compileExpression("result" in match ? match.result : match.position);
  const nameOfRecord = compileNameOfRecord(match);
  return async (list, records, answer) => {
    const open = await byName(list, nameOfResult, answer);
    const matched = records.map((record, index) => {
      const name = nameOfRecord(record, index);
      const result = open.get(name)?.shift();
      if (result !== undefined) return result;
      if (unnamedIs === "success") return unnamed;
      throw new UnclearAnswer(
        ` and no result at \`${at}\` that names ${name}, which is record ${index + 1} of the request`,
      );
    });
    const [left] = [...open].find(([, results]) => results.length > 0) ?? [];
    if (left === undefined) return matched;
    throw new UnclearAnswer(
      ` and a result at \`${at}\` for ${left}, which no record of the request is, or which it names more often than they do`,
    );
  };
}

function differ(list: unknown[], records: readonly SourceRecord[], at: string): UnclearAnswer {
  const results = list.length === 1 ? "1 result" : `${list.length} results`;
  const sent = records.length === 1 ? "1 record" : `${records.length} records`;
  return new UnclearAnswer(` and ${results} at \`${at}\` for ${sent}`);
}

/** Results by name, in order; several results with one name belong to as many records. */
async function byName(
  list: unknown[],
  nameOf: Expression,
  answer: SeenAnswer,
): Promise<Map<string, unknown[]>> {
  const named = new Map<string, unknown[]>();
  for (const [index, result] of list.entries()) {
    const name = nameText(await nameOf(result, answer));
    if (name === null)
      throw new UnclearAnswer(
        ` and names no record in result ${index + 1}, as \`answer.results.match\` has it`,
      );
    const results = named.get(name) ?? [];
    results.push(result ?? null);
    named.set(name, results);
  }
  return named;
}

type RecordMatch = Exclude<ResultsConfig["match"], "order">;

function compileNameOfRecord(match: RecordMatch): (record: SourceRecord, index: number) => string {
  if ("position" in match) return (_, index) => String(index + match.from);
  const path: Path = parsePath(match.record);
  return (record, index) => {
    const name = nameText(valueAt(record, path));
    if (name !== null) return name;
    const value = showValue(valueAt(record, path));
    throw new UnclearAnswer(
      `, and record ${index + 1} of the request has ${value} at \`${match.record}\`, by which no result can name it`,
    );
  };
}

/** Numbers and their texts are the same name: targets often return ids as texts. */
function nameText(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value === "object" && !(value instanceof ExactNumber)) return null;
  return String(value);
}

function compileJudge(config: ResultsConfig): (result: unknown, answer: SeenAnswer) => Promise<RecordResult> {
  const { success, refused, reason } = config;
  const [retries, refuses, succeeds] = [config.retry, refused, success].map(conditionsOf);
  const reasonOf = reason === undefined ? null : compileExpression(reason);
  const rulingOf = async (result: unknown, answer: SeenAnswer): Promise<RecordResult["ruling"]> => {
    if (await anyHolds(retries, result, answer)) return "retry";
    if (await anyHolds(refuses, result, answer)) return "refused";
    if (success === undefined || (await anyHolds(succeeds, result, answer))) return "success";
    if (refused === undefined) return "refused";
    throw new UnclearAnswer(
      ` and a result that fits neither \`success\` nor \`refused\`${snippet(stringifyJson(result))}`,
    );
  };
  return async (result, answer) => {
    const ruling = await rulingOf(result, answer);
    if (ruling === "success") return { ruling, reason: undefined };
    return { ruling, reason: reasonOf === null ? result : ((await reasonOf(result, answer)) ?? result) };
  };
}

function conditionsOf(texts: string | readonly string[] | undefined): Condition[] {
  return texts === undefined ? [] : [texts].flat().map(compileCondition);
}

async function anyHolds(
  conditions: readonly Condition[] = [],
  result: unknown,
  answer: SeenAnswer,
): Promise<boolean> {
  for (const holds of conditions) if (await holds(result, answer)) return true;
  return false;
}
