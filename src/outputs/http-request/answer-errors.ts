import { TidemarkError } from "../../errors.ts";
import { showAddress } from "../../http/address.ts";
import type { HttpRequest } from "../../http/message.ts";
import type { UnclearAnswer } from "./answer/expressions.ts";
import type { AnswerWarning } from "./answer/judge.ts";

const mayHaveArrived = "What was sent, or a part of it, may have arrived all the same";

/** The error for an answer by which the endpoint refuses a load. */
export function answered(request: HttpRequest, status: number, more: string): TidemarkError {
  return new TidemarkError("OUTPUT_FAILED", messageOf(request, status, more), { details: { status } });
}

/** The error for a 2xx status that `success` does not list. */
export function unlisted(request: HttpRequest, status: number): TidemarkError {
  return new TidemarkError("OUTPUT_FAILED", messageOf(request, status, ", which `success` does not list"), {
    hint: "List the status under `success` if the endpoint took the record.",
    details: { status },
  });
}

/** The error for a 2xx answer that reports a failure, without a declaration about such answers. */
export function saysFailed(
  request: HttpRequest,
  status: number,
  sign: string,
  isBatch: boolean,
): TidemarkError {
  const more = `, and says that it failed: ${sign}. Nothing is declared of such an answer, so none of it counts as delivered. ${mayHaveArrived}`;
  return new TidemarkError("ANSWER_SAYS_FAILED", messageOf(request, status, more), {
    ...(isBatch ? { hint: batchHint } : {}),
    details: { status },
  });
}

const batchHint =
  "Declare under `output.answer` what it means: `results` if it lists a result for each record, `refused: errors` (or another expression) if it is about all of them, `success: always` if this answer is harmless.";

/** The error for an answer that does not fit the declared `answer`. */
export function unclear(request: HttpRequest, status: number, why: UnclearAnswer): TidemarkError {
  return new TidemarkError(
    "ANSWER_UNCLEAR",
    messageOf(request, status, `${why.message}. ${mayHaveArrived}`),
    {
      details: { status },
    },
  );
}

/** The error for an answer that decides about the delivery and cannot be read. */
export function unreadableAnswer(request: HttpRequest, status: number, why: string): TidemarkError {
  const more = `, and the answer that would show the outcome cannot be read: ${why}. Whether it arrived is not known`;
  return new TidemarkError("ANSWER_UNREADABLE", messageOf(request, status, more), { details: { status } });
}

/** The warning for an answer that counts as a delivery, but may not be one. */
export function warningOf(
  request: HttpRequest,
  status: number,
  warning: AnswerWarning,
): { readonly code: string; readonly message: string } {
  if (warning.kind === "page") {
    const more = ` and an HTML page for people${warning.reason}. By the status what was sent counts as delivered, but a login page or a proxy's page answers so too: look whether the records arrived, and whether \`endpoint\` is right. If the endpoint answers so, declare \`answer: { success: always }\``;
    return { code: "ANSWER_IS_PAGE", message: messageOf(request, status, more) };
  }
  const more = `. Nothing under \`answer\` holds of it, so what was sent counts as delivered, but the answer says that it failed: ${warning.sign}. See that the names under \`answer.refused\` are spelt as in the answer. If such words are harmless, declare \`success: always\` there too`;
  return { code: "ANSWER_OVERLOOKED", message: messageOf(request, status, more) };
}

function messageOf({ method, url }: HttpRequest, status: number, more: string): string {
  return `${method} ${showAddress(url)}: answered with status ${status}${more}`;
}
