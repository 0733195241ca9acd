import { registerSecret } from "../secrets.ts";

/** The value of a Basic `authorization` header; it and the password are registered as secrets. */
export function basicAuthorization(username: string, password: string): string {
  const encoded = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
  registerSecret(password);
  registerSecret(encoded);
  return `Basic ${encoded}`;
}
