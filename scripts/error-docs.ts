import { readFileSync, writeFileSync } from "node:fs";
import { errorCodes } from "../src/error-codes.ts";

/**
 * Writes `docs/errors.md` from the one table of error codes; with `--check` says whether it is in
 * step, and changes nothing.
 */
const file = new URL("../docs/errors.md", import.meta.url);

const entries = Object.entries(errorCodes).map(([code, { meaning, hint, recoverable }]) =>
  [
    `## ${code}`,
    "",
    meaning,
    "",
    `**What to do:** ${hint}`,
    "",
    recoverable
      ? "The same call may succeed later without a change."
      : "The same call fails again until something is changed.",
    "",
  ].join("\n"),
);

const text = `# Error codes

After this page you know what an error code means and what to do about it.

Every error of the library, the command and the service has one of these codes. The message says what happened and to which
stream. The hint in the error may be more precise than the one here.

<!-- Generated from src/error-codes.ts by \`node scripts/error-docs.ts\`. -->

${entries.join("\n")}`;

if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("docs/errors.md is not in step with src/error-codes.ts; run: node scripts/error-docs.ts");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
