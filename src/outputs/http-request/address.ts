import { isSecretName, registerParameterSecret } from "../../http/address.ts";
import { filledWith, hasPlaceholder } from "../../templates/template.ts";
import type { HttpRequestConfig } from "./schema.ts";

/** Registers as secrets the constant values of parameters whose names suggest a secret. */
export function registerAddressSecrets({ endpoint, queryParams }: HttpRequestConfig): void {
  const declared = Object.entries(queryParams).flatMap(([name, values]): [string, string][] =>
    [values].flat().map((value) => [name, String(value)]),
  );
  const ofEndpoint = [...new URL(filledWith(endpoint, "")).searchParams];
  for (const [name, value] of [...ofEndpoint, ...declared]) {
    if (isSecretName(name) && !hasPlaceholder(value)) registerParameterSecret(value);
  }
}
