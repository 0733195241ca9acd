import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { withValuePlaced } from "../../model/placed-value.ts";
import { isPlainObject, kindOf } from "../../model/plain-object.ts";
import { parsePath, valueAt } from "../../model/record.ts";

type Body = Readonly<Record<string, unknown>>;

/** Steps that reach an object's prototype rather than a field of the body. */
const reserved = new Set(["__proto__", "constructor", "prototype"]);

/**
 * A copy of a body with a parameter put at its dotted path. Numbered steps lead into lists. Throws `CONFIG_INCOHERENT`
 * for a path that does not fit the body.
 */
export function withParameter(body: Body, name: string, value: unknown): Body {
  return withValuePlaced(body, parsePath(name), value, {
    appends: false,
    fail: (why) =>
      new TidemarkError("CONFIG_INCOHERENT", `\`${name}\` has no place in the body: ${why}`, {
        hint: "Name objects and list elements that `body` has; elements count from 0.",
      }),
  });
}

/** Why a parameter cannot be put into a body; null where it can. */
export function bodyParameterProblem(body: Body, name: string): string | null {
  const steps = parsePath(name);
  if (steps.includes("")) return "is no dotted path into the body, such as `filter.since`";
  const forbidden = steps.find((step) => reserved.has(step));
  if (forbidden !== undefined) return `\`${forbidden}\` cannot be a field's name in a path`;
  try {
    withParameter(body, name, null);
    return placeProblem(body, name);
  } catch (error) {
    if (isTidemarkError(error, "CONFIG_INCOHERENT")) return error.message;
    throw error;
  }
}

/** Why a reachable place is not suitable for a parameter. */
function placeProblem(body: Body, name: string): string | null {
  const steps = parsePath(name);
  const missing = steps.findIndex((_, at) => (valueAt(body, steps.slice(0, at + 1)) ?? null) === null);
  const numbered = missing < 0 ? -1 : steps.findIndex((step, at) => at > missing && /^\d+$/.test(step));
  if (numbered > 0) {
    const list = steps.slice(0, numbered).join(".");
    return `\`${name}\` has no place in the body: there is no list \`${list}\`; write it into \`body\``;
  }
  const there = valueAt(body, steps);
  if (!Array.isArray(there) && !isPlainObject(there)) return null;
  return `\`${name}\` would take the place of ${kindOf(there)} in the body; name the field inside it`;
}

/** Whether one of two paths lies inside what the other sets. */
export function areNested(one: string, other: string): boolean {
  return one.startsWith(`${other}.`) || other.startsWith(`${one}.`);
}
