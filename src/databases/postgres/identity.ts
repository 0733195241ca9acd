/**
 * An SQL expression that names the database a connection is on: the same text for two connections
 * exactly when they reach one database of one running server, by whatever address or role. It needs
 * no privileges and cannot fail, so that it may be asked inside anybody's transaction.
 *
 * The moment the server started, to the microsecond, tells servers apart; the identifier kept in
 * its files does not, since a copy restored from a backup has the same one. It changes with a
 * restart: what is compared must be asked anew on each new connection.
 */
export const identityExpression = `'postgres:' || current_database()
  || ':' || (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  || ':' || (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint`;
