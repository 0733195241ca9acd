import {
  type Connector,
  type ConnectorItem,
  type ConnectorRequest,
  defineConnector,
} from "../../src/index.ts";

/** What a connector was asked, run by run. */
export type Asked = Pick<ConnectorRequest, "since" | "cursor">;

export interface NumbersConnector {
  readonly connector: Connector;
  readonly asked: Asked[];
  /** How many records `{ id: 1 … count }` the source has. */
  count: number;
  /** Called before each record is yielded; what it throws is the source failing. */
  beforeRecord: (id: number) => void | Promise<void>;
}

/** A source that counts: it goes on behind the id in its cursor, and yields a cursor every so many records. */
export function numbersConnector(options: {
  count: number;
  every: number;
  lists?: boolean;
}): NumbersConnector {
  const { every, lists = false } = options;
  const asked: Asked[] = [];
  const numbers: NumbersConnector = {
    asked,
    count: options.count,
    beforeRecord: () => {},
    connector: defineConnector({
      id: "numbers",
      sync({ since, cursor }) {
        asked.push({ since, cursor });
        return lists ? inLists(Number(cursor ?? 0)) : oneByOne(Number(cursor ?? 0));
      },
    }),
  };

  async function* oneByOne(after: number): AsyncGenerator<ConnectorItem> {
    for (let id = after + 1; id <= numbers.count; id++) {
      await numbers.beforeRecord(id);
      yield { record: { id } };
      if (id % every === 0) yield { cursor: String(id) };
    }
    yield { cursor: String(numbers.count) };
  }

  async function* inLists(after: number): AsyncGenerator<ConnectorItem> {
    for (let id = after; id < numbers.count; ) {
      const records: object[] = [];
      while (records.length < every && id < numbers.count) {
        await numbers.beforeRecord(++id);
        records.push({ id });
      }
      yield { records, cursor: String(id) };
    }
  }
  return numbers;
}
