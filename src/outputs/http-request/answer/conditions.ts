import { type Bindings, compileCondition, compileExpression } from "./expressions.ts";
import type { AnswerConfig, ConditionConfig } from "./schema.ts";

/** An answer as conditions see it. */
export interface SeenAnswer extends Bindings {
  /** As JSON, or as text if it is not JSON; undefined for no body. */
  readonly body: unknown;
}

export type Ruling = "retry" | "refused" | "success";

/** The declared conditions on whole answers. */
export interface AnswerConditions {
  /** Whether any of them reads the body. */
  readonly needBody: boolean;
  /** The ruling of the conditions on an answer; null where none matches. */
  rulingOn(answer: SeenAnswer): Promise<Ruling | null>;
  /** The target's reason; null where it is not declared or the answer has none. */
  reasonOf(answer: SeenAnswer): Promise<unknown>;
}

type Holds = (answer: SeenAnswer) => Promise<boolean>;

export function compileConditions(answer: AnswerConfig | undefined): AnswerConditions {
  const { success, retry, refused, reason } = answer ?? {};
  const declared = success === "always" ? undefined : success;
  const all: readonly (readonly [Ruling, readonly Holds[]])[] = [
    ["retry", compiled(retry)],
    ["refused", compiled(refused)],
    ["success", success === "always" ? [async ({ status }) => isSuccess(status)] : compiled(declared)],
  ];
  const reasonOf = reason === undefined ? null : compileExpression(reason);
  return {
    needBody: [declared, retry, refused].flat().some((one) => one !== undefined && looksIntoBody(one)),
    async rulingOn(seen) {
      for (const [ruling, conditions] of all) {
        for (const holds of conditions) if (await holds(seen)) return ruling;
      }
      return null;
    },
    reasonOf: async (seen) => (reasonOf === null ? null : await reasonOf(seen.body, seen)),
  };
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function looksIntoBody(condition: ConditionConfig): boolean {
  return typeof condition === "string" || condition.expression !== undefined;
}

function compiled(conditions: ConditionConfig | readonly ConditionConfig[] | undefined): Holds[] {
  if (conditions === undefined) return [];
  return [conditions].flat().map((condition) => compileOne(condition));
}

/** A condition without a status applies only to 2xx answers: fields such as `error` occur in answers of every kind. */
function compileOne(condition: ConditionConfig): Holds {
  if (typeof condition === "string") return compileOne({ expression: condition });
  const { status = "2xx", header = {}, expression } = condition;
  const statuses = [status].flat();
  const headers = Object.entries(header).map(
    ([name, values]) => [name.toLowerCase(), [values].flat()] as const,
  );
  const holds = expression === undefined ? null : compileCondition(expression);
  return async (seen) => {
    if (!statuses.some((one) => isOf(seen.status, one))) return false;
    if (!headers.every(([name, values]) => values.includes(seen.headers[name] ?? ""))) return false;
    return holds === null || (await holds(seen.body, seen));
  };
}

function isOf(status: number, one: number | string): boolean {
  return typeof one === "number" ? status === one : String(status)[0] === one[0];
}
