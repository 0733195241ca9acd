/** Why there is no bound, and what would make one. */
export class Unbounded extends Error {
  readonly hint: string;

  constructor(why: string, hint: string) {
    super(why);
    this.hint = hint;
  }
}
