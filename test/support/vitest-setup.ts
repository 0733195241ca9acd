import { offerPostgres } from "./postgres.ts";

/** Run once by vitest before all workers; what it returns runs after them, also when tests failed. */
export default offerPostgres;
