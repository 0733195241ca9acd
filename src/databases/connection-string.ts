import { z } from "zod";
import { encodePassword } from "../model/web-address.ts";
import { anyOf, databaseOf, databases } from "./registry.ts";

/** Refuses what a database's `urlProblem` names. */
const connectionStringSchema = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const database = databaseOf(text);
    const problem = database?.urlProblem(text) ?? null;
    if (problem === null) return;
    const hint = database?.isServer === true ? `. ${encodePassword}` : "";
    context.addIssue({ code: "custom", message: `cannot be used: ${problem}${hint}` });
  });

/** The keys by which an input or an output names its database: one of the two. */
export const connectionShape = {
  connectionString: connectionStringSchema
    .optional()
    .describe(
      `The database: ${anyOf(databases.flatMap(({ examples }) => examples).map((url) => `\`${url}\``))}.`,
    ),
  connectionStringRef: connectionStringSchema
    .optional()
    .describe("The same as `connectionString`, for files that keep it apart as `${DATABASE_URL}`."),
} as const;

interface Connection {
  readonly connectionString?: string | undefined;
  readonly connectionStringRef?: string | undefined;
}

/** Refuses a database that is named by neither of the keys, or by both. */
export function validateConnection(
  { connectionString, connectionStringRef }: Connection,
  refuse: (path: string[], message: string) => void,
): void {
  const given = [connectionString, connectionStringRef].filter((text) => text !== undefined);
  if (given.length === 0) refuse(["connectionString"], "is missing");
  if (given.length === 2) refuse(["connectionStringRef"], "cannot be given together with `connectionString`");
}
