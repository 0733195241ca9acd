/** Whether a field is named like a modification time: `updated_at`, `lastModified`, `SystemModstamp`, `changed_on`. */
export function namesChange(field: string): boolean {
  return /updat|modif|modstamp|chang|edit|touch|revis/i.test(lastStep(field));
}

/** Whether a field is named like the time at which a record came to be: `created_at`, `inserted`, `dateAdded`. */
export function namesCreation(field: string): boolean {
  return /creat|insert|added/i.test(lastStep(field));
}

/** Whether a name says that its values are times, as `updated_at` and `modifiedOn` do, and `updated_by` does not. */
export function namesTime(field: string): boolean {
  const name = lastStep(field);
  return /(?:[_\s-](?:at|on|ts|utc)|date|time|stamp)$/i.test(name) || /[a-z](?:At|On)$/.test(name);
}

function lastStep(field: string): string {
  return field.split(".").at(-1) ?? "";
}
