import { z } from "zod";
import { holdsSecret, redact } from "../secrets.ts";
import { boundedJsonata } from "./bounded-jsonata.ts";
import { unknownCall } from "./jsonata-calls.ts";
import { type ExpressionError, offsetOf, variableName } from "./jsonata-names.ts";
import { directBinds, evaluatedText, ScopeFrame, Scopes } from "./jsonata-scopes.ts";
import { type Node, walk } from "./jsonata-tree.ts";
import { unknownVariable } from "./jsonata-variables.ts";

/**
 * What is wrong with a JSONata expression; null if it is valid. `values` are the names of its variables in addition to
 * its input. If an expression holds a secret, no part of the secret is quoted.
 */
export function expressionError(text: string, values: readonly string[] = []): ExpressionError | null {
  const found = errorOf(text, values);
  if (found === null || !holdsSecret(text)) return found;
  const masked = redact(text);
  const maskedError = holdsSecret(masked) ? null : errorOf(masked, values);
  return maskedError === null
    ? { ...found, message: brokenBySecret }
    : { ...found, message: maskedError.message };
}

const brokenBySecret =
  "the expression cannot be read with the secret that a variable puts into it here; inside of quotes the secret must hold " +
  "no quote and no backslash, and it must not stand outside of quotes";

function errorOf(text: string, values: readonly string[], frame = new ScopeFrame()): ExpressionError | null {
  try {
    return errorInTree(boundedJsonata(text).ast(), { text, values, frame });
  } catch (error) {
    return syntaxErrorOf(error, text);
  }
}

function errorInTree(
  tree: unknown,
  { text, values, frame }: { text: string; values: readonly string[]; frame: ScopeFrame },
): ExpressionError | null {
  const nodes: Node[] = [];
  walk(tree, (node) => nodes.push(node));
  // A text that is computed may give any name a value.
  const evaluated = nodes.filter((node) => evaluatedText(node) !== null);
  if (nodes.filter((node) => variableName(node) === "eval").length > evaluated.length) return null;
  const { unbound, texts } = new Scopes(tree, frame, bindsOf);
  const bound = new Set(nodes.flatMap(boundNames));
  const names = { nodes, unbound, bound, values };
  const own = unknownCall(text, names) ?? unknownVariable(tree, text, names);
  if (own !== null) return own;
  for (const { node, text: inner, frame: around } of texts) {
    const found = errorOf(inner, values, new ScopeFrame(around));
    if (found === null) continue;
    const message = `${found.message} (in the text that \`$eval\` evaluates)`;
    return { message, offset: offsetOf(node, 0, text) };
  }
  return null;
}

/** Names that a text gives values when `$eval` evaluates it. */
function bindsOf(text: string): string[] {
  try {
    return directBinds(boundedJsonata(text).ast());
  } catch {
    // It is parsed again, and its error reported, when its nodes are checked.
    return [];
  }
}

/** Names that a node gives a value: `$f := …`, `function($f) { … }`. */
function boundNames({ type, lhs, arguments: given }: Node): string[] {
  const named = type === "bind" ? [lhs] : type === "lambda" && Array.isArray(given) ? given : [];
  return named.map(variableName).filter((name) => name !== null);
}

/** The schema of a JSONata expression; an error in it has an `offset`, its position in the text. */
export function expressionSchemaOf(errorIn: (text: string) => ExpressionError | null) {
  return z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const found = errorIn(text);
      if (found === null) return;
      const { message, offset } = found;
      context.addIssue({ code: "custom", message, params: { offset } });
    });
}

const unreadable = { message: "it is not JSONata", position: 0 };

/** JSONata throws plain objects. */
const thrownSchema = z
  .object({
    message: z.string().default(unreadable.message),
    position: z.number().default(unreadable.position),
    token: z.unknown().optional(),
  })
  .catch(unreadable);

/** Why an expression failed, as JSONata's message. */
export function jsonataReason(thrown: unknown, text: string): string {
  return thrownSchema.parse(withoutSecret(thrown, text)).message;
}

/**
 * What the evaluation of an expression threw; without JSONata's message where the expression holds a secret, since it
 * quotes values that may be made from it: its beginning, or the whole of it in capitals.
 */
export function withoutSecret(thrown: unknown, text: string): unknown {
  if (!holdsSecret(text)) return thrown;
  const { code } = codeSchema.parse(thrown);
  const which = code === undefined ? "an error" : `the error ${code} of JSONata`;
  return { message: `${which}; its words are left out, since the expression holds a secret` };
}

const codeSchema = z.object({ code: z.string().optional() }).catch({});

/** JSONata's position lies behind the token it names. */
function syntaxErrorOf(thrown: unknown, text: string): ExpressionError {
  const { message, position, token } = thrownSchema.parse(thrown);
  const length =
    typeof token === "string" && text.slice(position - token.length, position) === token ? token.length : 0;
  return {
    message: `the expression cannot be read: ${message}`,
    offset: Math.max(0, Math.min(position - length, text.length)),
  };
}
