/** Why there is no safe bound, and how to get one. */
export class Unbounded extends Error {
  readonly hint: string;

  constructor(why: string, hint: string) {
    super(why);
    this.hint = hint;
  }
}
