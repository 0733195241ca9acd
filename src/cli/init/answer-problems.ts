import { namesDatabase, urlForms } from "../../databases/registry.ts";
import { isMasked } from "../../http/address.ts";

/** What is wrong with an answer, for messages; undefined where it is valid. */
type Problem = string | undefined;

export function endpointProblem(text: string): Problem {
  if (text.includes("${")) return undefined;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return "an address begins with https:// or http://";
  return url.username === "" && url.password === "" ? undefined : "no name or password belongs in an address";
}

/** The parameter of an endpoint whose name says that its value is a secret; null where no value is written out. */
export function secretParameter(endpoint: string): string | null {
  const [, query = ""] = endpoint.split("?", 2);
  for (const [name, value] of new URLSearchParams(query)) {
    if (isMasked(name) && value !== "" && !value.includes("${")) return name;
  }
  return null;
}

export function connectionProblem(text: string): Problem {
  if (text.includes("${")) return undefined;
  if (!namesDatabase(text)) return `give ${urlForms.join(", ")} or \${NAME}`;
  const hasPassword = /^[a-z]+:\/\/[^/@]*:[^/@]*@/.test(text);
  return hasPassword ? "a password does not belong in the file: give ${DATABASE_URL}" : undefined;
}

export function pathProblem(path: string): Problem {
  return path.split(".").every((step) => step.trim() === step && step !== "")
    ? undefined
    : "a path is names joined by single dots, as in event.id";
}

/** A path that may be left out. */
export function optionalPathProblem(path: string): Problem {
  return path === "" ? undefined : pathProblem(path);
}

export function nameProblem(what: string): (name: string) => Problem {
  return (name) => (name.trim() === "" ? `${what} is needed` : undefined);
}

export function headerProblem(name: string): Problem {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) ? undefined : "that is not the name of a header";
}

export function countProblem(text: string): Problem {
  return /^[1-9]\d{0,6}$/.test(text) ? undefined : "give a whole number, such as 100";
}
