import { nearest } from "../model/nearest.ts";
import { readSecretFile } from "./secret-file.ts";

/** Variables by name: values of `--param` take precedence over the process's environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its variables filled in. */
export interface Substituted {
  readonly text: string;
  /** What was filled in, by the variable's name, or `file:` and the file's path. */
  readonly values: readonly {
    readonly name: string;
    readonly value: string;
    readonly source: "variable" | "file";
  }[];
  readonly problems: readonly EnvironmentProblem[];
}

export interface EnvironmentProblem {
  readonly code: "ENV_MISSING" | "ENV_INVALID";
  readonly message: string;
  readonly hint?: string;
  /** Its position in the text. */
  readonly offset: number;
}

const reference = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const variable = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/**
 * Fills in `${NAME}` and `${NAME:-default}`; the default also applies to an empty variable. `${file:PATH}` is the
 * content of a file. `$${` is a plain `${`. Inserted text is not expanded again.
 */
export function substitute(text: string, environment: Environment): Substituted {
  const values: Substituted["values"][number][] = [];
  const problems: EnvironmentProblem[] = [];
  const filled = text.replace(reference, (found: string, inner: string | undefined, offset: number) => {
    if (found === "$${") return "${";
    const [, path] = /^file:(.+)$/s.exec(inner ?? "") ?? [];
    if (path !== undefined) {
      const read = readSecretFile(path);
      if ("value" in read) {
        values.push({ name: `file:${path}`, value: read.value, source: "file" });
        return read.value;
      }
      problems.push(unreadableFile(path, read.problem, offset));
      return found;
    }
    const [, name, fallback] = variable.exec(inner ?? "") ?? [];
    if (name === undefined || fallback?.includes("${")) {
      problems.push(malformed(found, offset));
      return found;
    }
    const set = environment[name];
    const value = set === undefined || (set === "" && fallback !== undefined) ? fallback : set;
    if (value === undefined) {
      problems.push(missing(name, environment, offset));
      return found;
    }
    values.push({ name, value, source: "variable" });
    return value;
  });
  return { text: filled, values, problems };
}

function malformed(found: string, offset: number): EnvironmentProblem {
  return {
    code: "ENV_INVALID",
    message: `\`${found}\` is neither of the form \`\${NAME}\` or \`\${NAME:-default}\` nor a file as \`\${file:PATH}\``,
    hint: "write $${ where the text itself shall hold ${",
    offset,
  };
}

function unreadableFile(path: string, why: string, offset: number): EnvironmentProblem {
  return {
    code: "ENV_MISSING",
    message: `the file ${path} cannot be used: ${why}`,
    hint: "the file must contain only the secret, as text; a relative path begins at the working directory",
    offset,
  };
}

function missing(name: string, environment: Environment, offset: number): EnvironmentProblem {
  const like = nearest(name, Object.keys(environment));
  return {
    code: "ENV_MISSING",
    message: `the environment variable ${name} is not set${like === undefined ? "" : `; ${like} is`}`,
    hint: `set it, or give a default: \${${name}:-…}`,
    offset,
  };
}
