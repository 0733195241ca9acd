/** The oid of the database that the connection is on, as an expression. */
export const thisDatabase = "(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";
