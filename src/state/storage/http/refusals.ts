import { problem, type WireProblem } from "../../../api/contracts/problem.ts";
import { type ErrorCode, errorCodes, TidemarkError, type TidemarkErrorOptions } from "../../../errors.ts";
import { parseJson } from "../../../model/json.ts";
import { excerptOf, type ServiceAnswer } from "./connection.ts";

/** What a refusal is told with besides what the service said. */
export interface RefusalContext {
  /** The service's address. */
  readonly service: string;
  /** Where the key came from; null where there is none. */
  readonly keyFrom: string | null;
}

/** The problem that an answer tells of; null where it is none of a Tidemark service. */
export function problemIn(answer: ServiceAnswer): WireProblem | null {
  const type = answer.headers.get("content-type") ?? "";
  if (!/^application\/problem\+json\b/i.test(type)) return null;
  const parsed = problem.safeParse(jsonIn(answer));
  return parsed.success ? parsed.data : null;
}

/** Undefined where the answer is no JSON. */
export function jsonIn({ text }: ServiceAnswer): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Whether it may be the service's version that is the trouble: it knows no such address, method, field or code. */
export function hintsAtVersion({ code, details }: WireProblem): boolean {
  if (code === "ROUTE_NOT_FOUND" || code === "METHOD_NOT_ALLOWED" || !isErrorCode(code)) return true;
  return code === "INVALID_REQUEST" && JSON.stringify(details ?? {}).includes("Unrecognized key");
}

/**
 * A refusal by the service as the error that a local store would throw: the same code, words and
 * details. What is about the key says which key that was.
 */
export function refusalOf(told: WireProblem, answer: ServiceAnswer, context: RefusalContext): TidemarkError {
  const { code } = told;
  if (code === "UNAUTHORIZED") return unauthorized(told, context);
  // The code of a request is what the library calls an argument.
  if (code === "INVALID_REQUEST") return made("ARGUMENT_INVALID", told, told.detail);
  if (!isErrorCode(code))
    return made("STATE_UNAVAILABLE", told, `${context.service}: ${code}: ${told.detail}`);
  if (told.status >= 500) {
    const id = told.request_id === undefined ? "" : ` (request ${told.request_id})`;
    return made(code, told, `the state service at ${context.service}: ${told.detail}${id}`);
  }
  const late = answer.unanswered && code === "RUN_SUPERSEDED";
  return late ? made(code, unanswered(told), `${told.detail}; ${lateNote}`) : made(code, told, told.detail);
}

const lateNote = "an earlier attempt of this call went unanswered and may have been carried out before that";

function unanswered(told: WireProblem): WireProblem {
  return { ...told, details: { ...told.details, outcome_unknown: true } };
}

function made(code: ErrorCode, told: WireProblem, message: string): TidemarkError {
  const { hint, recoverable, stream, details } = told;
  return new TidemarkError(code, message, {
    hint,
    recoverable,
    ...(stream === undefined ? {} : { stream }),
    ...(details === undefined ? {} : { details }),
  });
}

function unauthorized(told: WireProblem, { service, keyFrom }: RefusalContext): TidemarkError {
  return keyFrom === null
    ? new TidemarkError(
        "UNAUTHORIZED",
        `the state service at ${service} wants an API key, and none is given`,
        {
          hint: "Set TIDEMARK_KEY, or hand `key` to openState; `tidemark keys create` makes one.",
        },
      )
    : new TidemarkError(
        "UNAUTHORIZED",
        `the state service at ${service} refused the key from ${keyFrom}: ${told.detail}`,
        { hint: `Put a key that is good into ${keyFrom}; \`tidemark keys create\` makes one.` },
      );
}

/** An answer that is none of a Tidemark service: of a proxy before it, or of something else altogether. */
export function foreignAnswer(answer: ServiceAnswer, { service }: RefusalContext): TidemarkError {
  const { status, headers } = answer;
  const location = headers.get("location");
  if (status >= 300 && status < 400 && location !== undefined) {
    const target = URL.parse(location, service);
    const there = target === null ? "elsewhere" : `to ${target.origin}${target.pathname}`;
    return new TidemarkError("STATE_URL_INVALID", `${service} redirects ${there} (status ${status})`, {
      hint: "Put the service's own address into the state URL; the key is sent to no other.",
    });
  }
  const options: TidemarkErrorOptions = {
    recoverable: status >= 500 || status === 429 || status === 408,
    details: { status },
    hint: "Check the address, and what stands between here and the service.",
  };
  return new TidemarkError(
    "STATE_UNAVAILABLE",
    `what answers at ${service} is no Tidemark service: ${excerptOf(answer)}`,
    options,
  );
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
