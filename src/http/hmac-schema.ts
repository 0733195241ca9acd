import { z } from "zod";
import { templateProblems, templateUses } from "../templates/template.ts";
import { headerNameSchema } from "./header-name.ts";

/** What can be signed: parts of the request as it is sent. */
const signedParts = ["body", "method", "path", "query", "host", "timestamp"] as const;

/** A text whose placeholders are among these names; `header.<name>` too where `header` is one of them. */
const textOf = (names: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const refuse = (message: string): void => context.addIssue({ code: "custom", message });
    const problems = templateProblems(text);
    for (const { message } of problems) refuse(message);
    if (problems.length > 0) return;
    for (const { name } of templateUses(text)) {
      if (names.includes(name) || (names.includes("header") && /^header\.[^.]+$/.test(name))) continue;
      refuse(
        `\`{{ ${name} }}\` is none of ${names.map((one) => `\`{{ ${one === "header" ? "header.name" : one} }}\``).join(", ")}`,
      );
    }
  });

/** A signature over each request as it is sent. */
export const hmacSchema = z
  .strictObject({
    type: z.literal("hmac"),
    secret: z.string().min(1).describe("The shared secret; keep it in the environment, not in the file."),
    keyEncoding: z
      .enum(["text", "hex", "base64"])
      .default("text")
      .describe("How `secret` is written: its own bytes, or hexadecimal digits or base64 of them."),
    algorithm: z.enum(["sha256", "sha1", "sha512"]).default("sha256").describe("The hash of the HMAC."),
    sign: textOf([...signedParts, "header"])
      .default("{{ body }}")
      .describe(
        "What is signed: `{{ body }}` (the bytes that are sent), `{{ method }}`, `{{ path }}` (without the query), `{{ query }}` (with its `?`, empty without one), `{{ host }}`, `{{ timestamp }}`, `{{ header.name }}`.",
      ),
    encoding: z.enum(["hex", "base64", "base64url"]).default("hex").describe("How the signature is written."),
    header: headerNameSchema.describe("The header that carries the signature."),
    prefix: z.string().default("").describe("A text before the signature in its header, such as `sha256=`."),
    headerText: textOf(["signature", "timestamp"])
      .optional()
      .describe(
        "The complete value of the header, if a prefix is not enough, such as `t={{ timestamp }},v1={{ signature }}`.",
      ),
    timestampHeader: headerNameSchema
      .optional()
      .describe("A header for the timestamp. A timestamp that is sent must be signed too."),
    timestampFormat: z
      .enum(["seconds", "milliseconds", "iso8601"])
      .default("seconds")
      .describe("How the timestamp is written. It is the time of the attempt."),
  })
  .superRefine((settings, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    const { sign, headerText, prefix, timestampHeader, secret, keyEncoding, header } = settings;
    const uses = (text: string, name: string): boolean => templateUses(text).some((use) => use.name === name);
    if (headerText !== undefined && prefix !== "")
      refuse("prefix", "is a part of `headerText`; keep one of them");
    if (headerText !== undefined && !uses(headerText, "signature"))
      refuse("headerText", "needs `{{ signature }}`");
    const sendsTime = timestampHeader !== undefined || uses(headerText ?? "", "timestamp");
    if (uses(sign, "timestamp") && !sendsTime)
      refuse(
        "sign",
        "has a `{{ timestamp }}` that nothing sends: declare `timestampHeader`, or put it into `headerText`",
      );
    if (sendsTime && !uses(sign, "timestamp"))
      refuse(
        "sign",
        "leaves out the timestamp that is sent, so that anyone could change it: add `{{ timestamp }}`",
      );
    if (timestampHeader?.toLowerCase() === header.toLowerCase())
      refuse("timestampHeader", "is the signature's header too");
    if (!isOfEncoding(secret, keyEncoding)) refuse("secret", `is not ${keyEncoding}`);
  });

export type HmacSettings = z.infer<typeof hmacSchema>;

function isOfEncoding(secret: string, encoding: HmacSettings["keyEncoding"]): boolean {
  if (encoding === "hex") return /^(?:[0-9a-f]{2})+$/i.test(secret);
  return encoding === "text" || /^[A-Za-z0-9+/_-]+={0,2}$/.test(secret);
}
