import jsonata from "jsonata";
import { messageOf } from "../errors.ts";
import { walk } from "./jsonata-tree.ts";
import { LinearRegExp } from "./linear-regexp.ts";

/** JSONata evaluates in the process's only thread, and a regular expression cannot be interrupted. */
const linear = new Proxy(RegExp, {
  construct: (_, [regex]: [unknown]) => {
    if (!(regex instanceof RegExp)) throw new SyntaxError("not a regular expression");
    return new LinearRegExp(regex);
  },
});

/**
 * An expression that runs longer on one value, or recurses deeper, counts as endless. JSONata itself ends ranges at ten
 * million; its limit on all sequences costs a third of the time of an evaluation.
 */
export const expressionLimits: jsonata.JsonataOptions = {
  timeout: 10_000,
  stack: 500,
  RegexEngine: linear,
};

/**
 * A JSONata expression that stops: after 10 s, at a depth of 500 calls, at a range of more than ten million. Its
 * regular expressions take time that grows with the text and no faster. Throws JSONata's own error for an invalid
 * expression: an object with `message` and `position`; the same for a regular expression that cannot be bounded.
 */
export function boundedJsonata(text: string): jsonata.Expression {
  const expression = jsonata(text, expressionLimits);
  walk(expression.ast(), ({ value, position }) => {
    if (value instanceof RegExp) assertLinearRegex(value, position);
  });
  return expression;
}

function assertLinearRegex(regex: RegExp, position: unknown): void {
  try {
    new LinearRegExp(regex).exec("");
  } catch (error) {
    throw Object.assign(new SyntaxError(`the regular expression ${messageOf(error)}`, { cause: error }), {
      position,
    });
  }
}
