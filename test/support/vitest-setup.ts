import { offerCommand } from "./command-offer.ts";
import { useMemoryFolder } from "./memory-folder.ts";
import { offerMysql } from "./mysql.ts";
import { mysqlMissing } from "./mysql-programs.ts";
import { offerPostgres } from "./postgres.ts";

/** Run once by vitest before all workers; what it returns runs after them, also when tests failed. */
export default async function setup(): Promise<() => Promise<void>> {
  if (mysqlMissing !== null)
    console.warn(`Tests on MySQL are skipped, or fail where CI is set: ${mysqlMissing}`);
  const removeFolder = useMemoryFolder();
  const ends = [await offerPostgres(), await offerMysql(), await offerCommand()];
  return async () => {
    for (const end of ends) await end();
    removeFolder();
  };
}
