export interface WriteProbing {
  /**
   * Makes a small write that changes no stream and no log, to see whether the state can be written: not on a full disk,
   * nor where the file system or the database is read-only. Throws `STATE_UNAVAILABLE`, and `STATE_TOO_NEW` where a database was upgraded.
   */
  probe(): Promise<void>;
}
