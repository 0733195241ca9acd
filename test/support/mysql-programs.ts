import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface MariadbPrograms {
  readonly server: string;
  /** What makes a folder of data for it. */
  readonly install: string;
}

/** Where servers lie that are not for everyone's path. */
const folders = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/mysql/bin"];

/** The programs of a MariaDB server on this machine; null where there is none. */
export function findMariadb(): MariadbPrograms | null {
  const path = [...(process.env.PATH ?? "").split(delimiter), ...folders];
  const find = (name: string) => path.map((folder) => join(folder, name)).find((file) => existsSync(file));
  const server = find("mariadbd");
  const install = find("mariadb-install-db");
  return server === undefined || install === undefined ? null : { server, install };
}

/** Why tests that need a server are skipped, and what to do about it; null where they run. */
export const mysqlMissing: string | null =
  findMariadb() === null
    ? "no mariadbd is installed; on Debian and Ubuntu: apt-get install mariadb-server"
    : null;
