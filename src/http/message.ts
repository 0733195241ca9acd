import type { TextProblem } from "./decode.ts";
import type { UnreadBody } from "./exchange.ts";

/** A request, before credentials and the settings' headers are added to it. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  /** Names in lower case; they win over the settings' headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Statuses besides 2xx whose answers are returned and not thrown; none that are retried on. */
  readonly accepts?: (status: number, text: string) => boolean;
  /**
   * Answers that the request's own rules decide about: they are returned with any status, and redirects among them are
   * not followed. Called once per answer.
   */
  readonly claims?: (answer: HttpResponse) => Promise<boolean>;
  /** The character set to read the answer in, in place of what it says. */
  readonly encoding?: string;
  /** Whether an answer counts by its status where its body cannot be read; `unread` then says why it cannot. */
  readonly bodyOptional?: boolean;
  readonly signal: AbortSignal;
}

/** An answer, read whole, decompressed and decoded. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; the values of a repeated header are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  /** Why the text must not be used as data: its bytes could not be decoded. */
  readonly problem: TextProblem | null;
  /** Why there is no text, of a request with `bodyOptional`; null where the body was read. */
  readonly unread: UnreadBody | null;
  /** Whether the source said how long the body is; else it ended with the connection, which may have been cut. */
  readonly isDelimited: boolean;
  /** Where the answer came from, after redirects, without credentials. */
  readonly url: URL;
}
