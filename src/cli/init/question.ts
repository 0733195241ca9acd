/** Everything that is asked, by the name of its option on the command line. */
export interface Answers {
  readonly name: string;
  readonly source: string;
  readonly endpoint: string;
  readonly signIn: string;
  readonly keyHeader: string;
  readonly tokenUrl: string;
  readonly dataField: string;
  readonly paging: string;
  readonly pageParam: string;
  readonly nextField: string;
  readonly limitParam: string;
  readonly limit: string;
  readonly connection: string;
  readonly table: string;
  readonly cursor: string;
  readonly cursorField: string;
  readonly queryParam: string;
  readonly key: string;
  readonly output: string;
}

export interface Question {
  readonly option: keyof Answers;
  readonly flag: string;
  /** The option in the help. */
  readonly says: string;
  /** The question on a terminal. */
  readonly asks: string;
  readonly example?: string;
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
  /** Whether it applies, given the answers so far. Default: always. */
  readonly when?: (known: Partial<Answers>) => boolean;
  /** What is taken where nothing is given; without one an answer is needed. */
  readonly usual?: (known: Partial<Answers>) => string;
  /** What is wrong with an answer, for messages. */
  readonly problem?: (answer: string) => string | undefined;
}

export const isHttp = ({ source }: Partial<Answers>): boolean => source === "http";
