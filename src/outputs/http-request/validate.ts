import type { z } from "zod";
import { isPlainObject } from "../../model/plain-object.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import { hasPlaceholder, isOnePlaceholder, templateProblems } from "../../templates/template.ts";
import { validateOnError } from "../dead-letters/schema.ts";
import { declaredKind } from "./body.ts";
import type { HttpRequestConfig } from "./keys.ts";

type AddIssue = (path: string[], message: string) => void;

/** Adds issues for settings that contradict each other, and for placeholders that nothing fills. */
export function validateHttpRequest(config: HttpRequestConfig, context: z.RefinementCtx): void {
  const addIssue: AddIssue = (path, message) => context.addIssue({ code: "custom", path, message });

  validateSharedPlaceholders(config, addIssue);
  validateBatch(config, addIssue);
  validateBody(config, addIssue);
  validateConstantSettings(config, addIssue);
  for (const name of ["headers", "queryParams"] as const) {
    for (const { path, message } of templateProblems(config[name]))
      addIssue([name, ...path.map(String)], message);
  }
  validateOnError(config, context);
  if (config.concurrency > 1 && config.key === undefined) {
    addIssue(["concurrency"], "more than 1 needs `key`, so that records of one key are sent in order");
  }
  const retried = config.success?.filter((status) => config.retry.retryOn.includes(status)) ?? [];
  if (retried.length > 0) {
    addIssue(["success"], `${retried.join(", ")} cannot be a success and in \`retry.retryOn\` too`);
  }
  validateAnswer(config, addIssue);
  const own = config.idempotencyHeader?.toLowerCase();
  if (Object.keys(config.headers).some((name) => name.toLowerCase() === own)) {
    addIssue(
      ["headers"],
      `\`${config.idempotencyHeader}\` is sent by \`idempotencyHeader\`; name another there, or null`,
    );
  }
}

/** A setting must not be given twice, and a single record has no results per record. */
function validateAnswer({ answer, success, batch }: HttpRequestConfig, addIssue: AddIssue): void {
  if (answer?.success !== undefined && success !== undefined)
    addIssue(["success"], "is declared under `answer.success` too; keep one of them");
  if (answer?.results !== undefined && batch === undefined)
    addIssue(
      ["answer", "results"],
      "are for `batch`; for one record, use `answer.refused` or `answer.success`",
    );
}

/** Lines need a list, and `with` must not occupy the list's field. */
function validateBatch({ batch, body }: HttpRequestConfig, addIssue: AddIssue): void {
  if (batch?.bodyAs === "lines" && !Array.isArray(body))
    addIssue(["body"], "must be a list under `batch.bodyAs: lines`: each of its elements is a line");
  if (typeof batch?.bodyAs !== "object") return;
  const { field, with: around } = batch.bodyAs;
  if (field.includes("{{"))
    addIssue(["batch", "bodyAs", "field"], "is the same for all records; it takes no placeholder");
  if (around === undefined) return;
  const at = ["batch", "bodyAs", "with"];
  if (hasPlaceholder(around))
    addIssue(at, "is the same for all records; what is a record's goes into `body`");
  const blocking = parsePath(field).some((_, index, steps) => {
    const value = valueAt(around, steps.slice(0, index + 1));
    return index === steps.length - 1 ? value !== undefined : value !== undefined && !isPlainObject(value);
  });
  if (blocking) addIssue(at, `holds something at \`${field}\`, where the list goes`);
}

/** A request for several records has no single record to take a value from. */
function validateSharedPlaceholders(config: HttpRequestConfig, addIssue: AddIssue): void {
  if (config.batch === undefined) return;
  for (const name of ["endpoint", "queryParams", "headers"] as const) {
    if (hasPlaceholder(config[name])) {
      addIssue(
        [name],
        "placeholders are for one request a record; without `batch` they can stand here, with it in `body`",
      );
    }
  }
}

/** A body must be of the kind that the declared `Content-Type` names. */
function validateBody(config: HttpRequestConfig, addIssue: AddIssue): void {
  const { body, batch, form, method } = config;
  const kind = declaredKind(config);
  if (form !== undefined && kind !== "form")
    addIssue(["form"], "needs `headers: { Content-Type: application/x-www-form-urlencoded }`");
  const isText = typeof body === "string" && batch === undefined;
  const isNone = body === undefined && method === "DELETE" && batch === undefined;
  if ((kind === "xml" || kind === "multipart") && !isText && !isNone) {
    const hint =
      kind === "xml"
        ? "write `body` as a text"
        : "use application/x-www-form-urlencoded, or write `body` as a text";
    addIssue(["body"], `would be sent as JSON, and \`Content-Type\` says something else: ${hint}`);
  }
  if (kind !== "form") return;
  if (batch !== undefined) addIssue(["batch"], "a form holds one record; leave `batch` out, or send JSON");
  if (Array.isArray(body)) addIssue(["body"], "a form is made of an object or of a text, not of a list");
  if (isText && !isOnePlaceholder(body) && body.split("&").some((pair) => hasPlaceholder(pair.split("=")[0])))
    addIssue(
      ["body"],
      "a placeholder in a form must come after a `=`, as in `name={{ name }}`; names are the same for all records",
    );
}

const placeholder = /\{\{\s*[\w.]+\s*\}\}/;

/** A placeholder is meaningless in a setting that is the same for all records. */
function validateConstantSettings({ authentication, key }: HttpRequestConfig, addIssue: AddIssue): void {
  if (authentication !== undefined && authentication.type !== "hmac") {
    for (const [name, value] of Object.entries(authentication)) {
      if (placeholder.test(value))
        addIssue(
          ["authentication", name],
          "takes no placeholder: it is the same for all records. A record's value can stand in `headers`",
        );
    }
  }
  if ([key ?? []].flat().some((path) => path.includes("{{"))) addIssue(["key"], pathWithout);
}

const pathWithout = "is a path such as `order.id`, without braces";
