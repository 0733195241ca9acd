import { problem, type WireProblem } from "../../../api/contracts/problem.ts";
import { type ErrorCode, errorCodes, TidemarkError, type TidemarkErrorOptions } from "../../../errors.ts";
import { showAddress } from "../../../http/address.ts";
import { parseJson } from "../../../model/json.ts";
import { excerptOf, type ServiceAnswer } from "./connection.ts";

/** What an error message adds to the service's answer. */
export interface RefusalContext {
  /** The service's address. */
  readonly service: string;
  /** Where the key came from; null where there is none. */
  readonly keyFrom: string | null;
}

/** The problem document in an answer; null where the answer is not from a Tidemark service. */
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

/** Whether the service may be of another version: it does not know the address, method, field or code. */
export function hintsAtVersion({ code, details }: WireProblem): boolean {
  if (code === "ROUTE_NOT_FOUND" || code === "METHOD_NOT_ALLOWED" || !isErrorCode(code)) return true;
  return code === "INVALID_REQUEST" && JSON.stringify(details ?? {}).includes("Unrecognized key");
}

/**
 * A refusal by the service as the error that a local store would throw: the same code, message and details. Errors
 * about the API key say where the key came from.
 */
export function refusalOf(
  problem: WireProblem,
  answer: ServiceAnswer,
  context: RefusalContext,
): TidemarkError {
  const { code } = problem;
  if (code === "UNAUTHORIZED") return unauthorized(problem, context);
  // What is an invalid request to the service is an invalid argument to the library.
  if (code === "INVALID_REQUEST") return made("ARGUMENT_INVALID", problem, problem.detail);
  if (!isErrorCode(code))
    return made("STATE_UNAVAILABLE", problem, `${context.service}: ${code}: ${problem.detail}`);
  if (problem.status >= 500) {
    const id = problem.request_id === undefined ? "" : ` (request ${problem.request_id})`;
    return made(code, problem, `the state service at ${context.service}: ${problem.detail}${id}`);
  }
  const late = answer.unanswered && code === "RUN_SUPERSEDED";
  return late
    ? made(code, unanswered(problem), `${problem.detail}; ${lateNote}`)
    : made(code, problem, problem.detail);
}

const lateNote = "an earlier attempt of this call went unanswered and may have been carried out before that";

function unanswered(problem: WireProblem): WireProblem {
  return { ...problem, details: { ...problem.details, outcome_unknown: true } };
}

function made(code: ErrorCode, problem: WireProblem, message: string): TidemarkError {
  const { hint, recoverable, stream, details } = problem;
  return new TidemarkError(code, message, {
    hint,
    recoverable,
    ...(stream === undefined ? {} : { stream }),
    ...(details === undefined ? {} : { details }),
  });
}

function unauthorized(problem: WireProblem, { service, keyFrom }: RefusalContext): TidemarkError {
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
        `the state service at ${service} refused the key from ${keyFrom}: ${problem.detail}`,
        { hint: `Put a key that is good into ${keyFrom}; \`tidemark keys create\` makes one.` },
      );
}

/** An answer that is not from a Tidemark service, for example from a proxy in front of it. */
export function foreignAnswer(answer: ServiceAnswer, { service }: RefusalContext): TidemarkError {
  const { status, headers } = answer;
  const location = headers.get("location");
  if (status >= 300 && status < 400 && location !== undefined) {
    const target = URL.parse(location, service);
    if (target !== null) target.search = "";
    const there = target === null ? "elsewhere" : `to ${showAddress(target)}`;
    return new TidemarkError("STATE_URL_INVALID", `${service} redirects ${there} (status ${status})`, {
      hint: "Put the service's own address into the state URL; the key is sent to no other.",
    });
  }
  const options: TidemarkErrorOptions = {
    recoverable: status >= 500 || status === 429 || status === 408,
    details: { status },
    hint: "Check the address, and proxies between here and the service.",
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
