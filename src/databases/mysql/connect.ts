import type { Connection, SslOptions } from "mysql2";
import type { SqlRole } from "../roles.ts";
import type { MysqlAddress } from "./address.ts";
import type { MysqlDriver } from "./driver.ts";
import { mysqlTlsProblem } from "./tls-problem.ts";

const connectMilliseconds = 10_000;

/** The target and the purpose of a connection. */
export interface Origin {
  readonly address: MysqlAddress;
  readonly role: SqlRole;
  readonly applicationName: string;
  readonly place: string;
  readonly driver: MysqlDriver;
}

/** Connects in the first way of TLS that works; the next is tried where the server has no TLS, or wants it. */
export async function connect(origin: Origin): Promise<Connection> {
  const { tls, ...address } = origin.address;
  for (let at = 0; ; at++) {
    const raw = newConnection(origin, address, tls[at]);
    // A connection lost between two calls is reported by the next call; without a listener it would
    // end the process.
    raw.on("error", () => {});
    try {
      await new Promise<void>((resolve, reject) =>
        raw.connect((error) => (error === null ? resolve() : reject(error))),
      );
      return raw;
    } catch (error) {
      raw.destroy();
      if (at + 1 >= tls.length || !mayWorkOtherwise(error)) throw error;
    }
  }
}

/** 3159 and 1045 are how servers refuse a user who may only come by TLS. */
function mayWorkOtherwise(thrown: unknown): boolean {
  if (mysqlTlsProblem(thrown) !== null) return true;
  const number =
    typeof thrown === "object" && thrown !== null && "errno" in thrown ? Number(thrown.errno) : 0;
  return number === 3159 || number === 1045;
}

/** Closes the connection properly, so that the server does not log an aborted one. */
export function endQuietly(raw: Connection): Promise<void> {
  return new Promise((resolve) => {
    // Called back also where the connection is gone already.
    raw.end(() => resolve());
  });
}

function newConnection(
  { applicationName, driver }: Origin,
  address: Omit<MysqlAddress, "tls">,
  ssl: SslOptions | undefined,
): Connection {
  return driver.createConnection({
    ...address,
    ...(ssl === undefined ? {} : { ssl }),
    charset: "utf8mb4",
    connectTimeout: connectMilliseconds,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    connectAttributes: { program_name: applicationName },
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    rowsAsArray: true,
  });
}
