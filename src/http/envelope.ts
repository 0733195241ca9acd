/** Where a request goes and what it carries, as it is about to be sent. */
export interface Envelope {
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly body: string | undefined;
}
