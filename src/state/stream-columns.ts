/** The columns of `tidemark_streams`, the same in every database and in this order. */
export const streamColumns = [
  "connector",
  "stream",
  "lane",
  "cursor_type",
  "cursor_value",
  "cursor_sort_key",
  "position",
  "position_epoch",
  "position_sequence",
  "status",
  "epoch",
  "sequence",
  "run_id",
  "run_lower_bound",
  "run_actor",
  "started_at_utc",
  "lease_seconds",
  "lease_expires_at_utc",
  "lease_owner",
  "last_error",
  "records_processed",
  "metadata",
  "updated_at_utc",
  "audit_number",
  "audit_head",
  "reset_epoch",
] as const;

/** What names a row of `tidemark_partitions`. */
export const partitionName = ["connector", "stream", "lane", "partition"] as const;

/** Its columns, the same in every database and in this order. */
export const partitionColumns = [
  ...partitionName,
  "cursor_value",
  "position",
  "position_epoch",
  "position_sequence",
  "run_epoch",
  "run_lower_bound",
  "updated_at_utc",
] as const;
