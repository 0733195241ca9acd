import type { Clock } from "../../clock.ts";
import type { BetterSqlite3 } from "../../databases/sqlite/handle.ts";
import { TidemarkError } from "../../errors.ts";
import type { StateStore } from "../contract.ts";

/** The default state: an SQLite file below the working directory. */
export const defaultStateUrl = "sqlite:./.tidemark/state.db";

/** Names a user and no password: a password in a URL is masked in every hint. */
const whatWorks =
  "Use sqlite:./.tidemark/state.db, postgres://user@host:5432/database, file:./folder, https://host, or memory:.";

export interface OpenStateOptions {
  /** The API key of a service; other state takes none. */
  readonly key?: string | undefined;
  /** Where the key came from, for messages: the option unless given. */
  readonly keyFrom?: string;
  /**
   * The class that better-sqlite3 exports, for programs that write their own rows to the state's file by it: state in
   * SQLite is then opened by it too. Unless given it is opened by Node's `node:sqlite`.
   */
  readonly sqlite?: BetterSqlite3 | undefined;
  /**
   * For tests, such as a `FakeClock`: the clock by which leases run out and times are written, of state in SQLite, in
   * files or in memory. State on a server goes by the server's clock, and takes none.
   */
  readonly clock?: Clock;
  /** Called with a message when a service cannot be used and calls begin to be retried. */
  readonly onOutage?: (message: string) => void;
}

/**
 * Opens the state that a URL names; whoever opens it closes it.
 *
 * - `sqlite:./path.db`, `sqlite:///absolute/path.db`: an SQLite file, made with its folders where
 *   there is none.
 * - `postgres://…`, `postgresql://…`: a PostgreSQL database, by the package `pg`.
 * - `file:./folder`: one readable JSON file a stream.
 * - `https://host`, `https://host/prefix`: a Tidemark service, with an API key; `http:` for one on this
 *   machine or in a network of one's own. The key is sent with every request and shown nowhere.
 * - `memory:`: kept as long as the process runs, for tests.
 *
 * Throws `STATE_URL_INVALID` for anything else, `DRIVER_MISSING`, `STATE_UNAVAILABLE`,
 * `STATE_UNREADABLE`, `STATE_TOO_NEW`.
 *
 * ```ts
 * await using state = await openState("sqlite:./.tidemark/state.db");
 * await using shared = await openState("https://tidemark.example.com", { key: process.env.TIDEMARK_KEY });
 * ```
 */
export async function openState(url: string, options: OpenStateOptions = {}): Promise<StateStore> {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? [];
  const local = options.clock === undefined ? {} : { clock: options.clock };
  switch (scheme.toLowerCase()) {
    case "sqlite": {
      if (rest === ":memory:") throw invalid(url, "state in memory is opened otherwise", "Use memory:.");
      if (rest.endsWith("/")) throw invalid(url, "it names no file");
      const path = localPath(url, "sqlite", rest, "file");
      const { openSqliteState } = await import("./sqlite/sqlite.ts");
      return openSqliteState(path, { driver: options.sqlite, ...local });
    }
    case "postgres":
    case "postgresql": {
      if (!rest.startsWith("//") || rest === "//") throw invalid(url, "it names no server");
      assertNoClock(url, options);
      const { openPostgresState } = await import("./postgres/postgres.ts");
      return openPostgresState(url);
    }
    case "file": {
      const folder = localPath(url, "file", rest, "folder");
      const { openFileState } = await import("./files/file.ts");
      return openFileState(folder, local);
    }
    case "http":
    case "https": {
      assertNoClock(url, options);
      const { openHttpState } = await import("./http/http.ts");
      return openHttpState(url, options);
    }
    case "memory": {
      if (rest !== "") throw invalid(url, "state in memory has no name", "Use memory: and nothing after it.");
      const { openMemoryState } = await import("./memory/memory.ts");
      return openMemoryState(local);
    }
    default:
      throw unknownScheme(url, scheme, rest);
  }
}

/** The path of a local URL, taken as it is written. */
function localPath(url: string, scheme: string, rest: string, what: string): string {
  if (rest.trim() === "") throw invalid(url, `it names no ${what}`);
  if (/[?#]/.test(rest)) throw invalid(url, "it has parameters, which local state does not take");
  if (!rest.startsWith("//")) return rest;
  if (rest.startsWith("///")) return rest.slice(2);
  throw invalid(
    url,
    "two slashes begin a host, and a local path has none",
    `Use ${scheme}:./${rest.slice(2).replace(/^\.\//, "")} for a path from here, or ${scheme}:/// and a path from the root.`,
  );
}

function unknownScheme(url: string, scheme: string, rest: string): TidemarkError {
  if (scheme === "" || scheme.length === 1) {
    // One letter is a drive of Windows.
    const path = url.trim() === "" ? "./.tidemark/state.db" : shown(url);
    return invalid(url, "it does not say where the state is kept", `For an SQLite file, use sqlite:${path}`);
  }
  const meant = likely(scheme.toLowerCase());
  return invalid(
    url,
    `there is no state by \`${scheme}:\``,
    meant === null ? whatWorks : `Did you mean ${meant}:${shown(rest)}?`,
  );
}

/** The scheme that a misspelt one was probably to be. */
function likely(scheme: string): string | null {
  if (/^sq|lite|^db$/.test(scheme)) return "sqlite";
  if (/^po|^pg|^psql|gres/.test(scheme)) return "postgres";
  if (/^ht+ps?|^tidemark/.test(scheme)) return "https";
  return /^m(?:em|ro|er)/.test(scheme) ? "memory" : null;
}

function assertNoClock(url: string, { clock }: OpenStateOptions): void {
  if (clock === undefined) return;
  const [scheme] = url.split(":", 1);
  throw new TidemarkError("ARGUMENT_INVALID", `state at ${scheme}: goes by the clock of its server`, {
    hint: "Leave `clock` out, or keep the state of the test in memory, files or SQLite.",
  });
}

function invalid(url: string, why: string, hint = whatWorks): TidemarkError {
  return new TidemarkError("STATE_URL_INVALID", `the state URL \`${shown(url)}\` cannot be used: ${why}`, {
    hint,
  });
}

/** The part of a URL that cannot hold a password or key. */
function shown(url: string): string {
  const [address = ""] = url.split(/[?#]/);
  return address.includes("@") ? `${address.slice(0, address.indexOf(":") + 1)}…` : address;
}
