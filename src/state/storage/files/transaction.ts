import { dirname, join } from "node:path";
import type { Clock } from "../../../clock.ts";
import { makeFolder } from "../../../folders.ts";
import type { CursorRange } from "../../../model/position.ts";
import { compareStreamKeys, type StreamKey } from "../../../model/stream-key.ts";
import { compareTexts } from "../../../model/text-order.ts";
import type { AuditRecord } from "../../contract.ts";
import type { ChainLink } from "../../hash-chain.ts";
import { compareMoments, comparePlaces, type Moment, type Place } from "../../listing.ts";
import { compareBackfills, type DueRuns, isDue, type RowTransaction } from "../../row-storage.ts";
import type { PartitionRow, RunRow, StreamRow } from "../../rows.ts";
import { encodeDocument, type StateDocument } from "./document.ts";
import { replaceFile } from "./durable.ts";
import {
  appendLog,
  archivedTo,
  auditLine,
  type LogLines,
  linesAfter,
  linesWithout,
  logFile,
  newestAudit,
  readLog,
  removeLogsBefore,
  runLine,
} from "./log.ts";
import type { LogEnds } from "./log-ends.ts";
import { newestRows, rowsAfter } from "./log-pages.ts";
import { baseOf } from "./names.ts";
import {
  backfilledContent,
  backfilledFolder,
  backfilledOf,
  backfilledPath,
  isUntakenEdit,
  partitionContent,
  partitionFolder,
  partitionNamesIn,
  partitionOf,
  partitionPath,
  partitionsFolder,
  readPartitionFile,
  removePartitionFiles,
  withWatermark,
  writePartitionFiles,
} from "./partition-files.ts";
import { readDocument, storedDocument } from "./read-document.ts";
import { keysIn } from "./stream-files.ts";
import { StreamList } from "./stream-list.ts";

const completedBackfillsKept = 20;

/** One transaction on the folder: each file is read once, and written when the work has returned. */
export class FileTransaction implements RowTransaction {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #list: StreamList;
  readonly #ends: LogEnds;
  readonly #documents = new Map<string, StateDocument>();
  readonly #logs = new Map<string, LogLines>();
  readonly #changed = new Map<string, StateDocument>();
  readonly #lines = new Map<string, string[]>();
  /** By stream, the new contents of partition files. */
  readonly #partitionContents = new Map<string, Map<string, unknown>>();
  /** The streams whose log is rewritten. */
  readonly #rewritten = new Set<string>();
  /** The scopes of backfills whose files are removed. */
  readonly #removedBackfills: string[] = [];

  constructor(folder: string, clock: Clock, ends: LogEnds) {
    this.#folder = folder;
    this.#clock = clock;
    this.#ends = ends;
    this.#list = new StreamList(folder);
  }

  load(key: StreamKey, scope: string): StreamRow | null {
    return this.#document(key).rows.get(scope) ?? null;
  }

  save(row: StreamRow): void {
    const before = this.#next(row.key);
    const rows = new Map(before.rows).set(row.scope, row);
    // A backfill that is completed is history; the oldest rows of such have nothing more to keep.
    const completed = [...rows].filter(([scope, { status }]) => scope !== "" && status === "completed");
    const gone = completed.slice(0, -completedBackfillsKept).map(([scope]) => scope);
    for (const scope of gone) rows.delete(scope);
    this.#removedBackfills.push(...gone);
    const paths = gone.map((scope) => `${partitionFolder(scope)}/`);
    const moved = new Map([...before.moved].filter(([path]) => !paths.some((of) => path.startsWith(of))));
    this.#changed.set(this.#base(row.key), { ...before, rows, moved });
  }

  saveRun(run: RunRow): void {
    this.#append(run.key, runLine(run));
  }

  loadRun(key: StreamKey, runId: string): RunRow | null {
    return this.#log(key).runs.find(({ run }) => run.runId === runId)?.run ?? null;
  }

  appendAudit(record: AuditRecord): void {
    this.#append(record.key, auditLine(record));
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    const { after, limit, connector } = options;
    return this.#keys()
      .filter((key) => connector === null || key.connector === connector)
      .filter((key) => after === null || compareStreamKeys(key, after) > 0)
      .flatMap((key) => this.load(key, "") ?? [])
      .slice(0, limit);
  }

  listNewestAudit(options: { key: StreamKey | null; before: Moment | null; limit: number }): AuditRecord[] {
    const { key, before, limit } = options;
    if (key !== null && before === null && limit === 1) {
      const { log, logBytes } = this.#document(key);
      const last = newestAudit(logFile(this.#base(key), log), key, logBytes, () => true);
      return last === null ? [] : [last];
    }
    const rows = (key === null ? this.#keys() : [key]).flatMap((each) => this.#log(each).audit);
    return newestRows(rows, key === null ? compareMoments : comparePlaces, { before, limit });
  }

  lastAudit(key: StreamKey, partition: string | null): AuditRecord | null {
    return this.#ofLog(key, (file, bytes) => this.#ends.last(file, key, bytes, partition));
  }

  archivedTo(key: StreamKey): ChainLink {
    return this.#ofLog(key, archivedTo);
  }

  archiveAudit(key: StreamKey, to: ChainLink): number {
    const base = this.#base(key);
    const document = this.#next(key);
    const kept = linesAfter(logFile(base, document.log), document.logBytes, to);
    this.#rewrite(key, kept);
    return this.#log(key).audit.filter(({ number }) => number <= to.number).length;
  }

  isListed(key: StreamKey): boolean {
    return this.#list.has(key);
  }

  listed(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    const { after, limit } = options;
    return this.#list
      .all()
      .filter((key) => after === null || compareStreamKeys(key, after) > 0)
      .slice(0, limit);
  }

  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[] {
    return this.#log(key)
      .runs.filter(({ number }) => options.before === null || number < options.before)
      .toReversed()
      .slice(0, options.limit);
  }

  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[] {
    const { key, ...page } = options;
    return rowsAfter(key === null ? this.#keys() : [key], (each) => this.#log(each).audit, page);
  }

  loadPartition(key: StreamKey, scope: string, partition: string): PartitionRow | null {
    const path = partitionPath(scope, partition);
    const content = this.#contentOf(key, path);
    if (content === null) return null;
    const cursorType = this.load(key, scope)?.cursorType ?? null;
    const logged = (): string | null | undefined => this.#logged(key, partition);
    const of = { key, scope, partition, cursorType, file: this.#partitionFile(key, path), logged };
    const row = partitionOf(content, of);
    if (!this.#document(key).moved.has(path)) return row;
    // The partition's own file has older content than the log, but it is the file that people see and edit.
    const inPlace = readPartitionFile(this.#base(key), path);
    if (!isUntakenEdit(inPlace, content)) return row;
    return withWatermark(row, partitionOf(inPlace, { ...of, logged: () => undefined }));
  }

  #logged(key: StreamKey, partition: string): string | null | undefined {
    const last = this.lastAudit(key, partition);
    if (last !== null) return last.newCursor;
    return this.archivedTo(key).number > 0 ? undefined : null;
  }

  savePartition(row: PartitionRow): void {
    const path = partitionPath(row.scope, row.partition);
    const inPlace = this.#document(row.key).isNew ? null : readPartitionFile(this.#base(row.key), path);
    this.#contentsOf(row.key).set(path, partitionContent(row, inPlace));
  }

  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): boolean {
    return this.#partitionNames(key, scope).some(
      (name) => (this.loadPartition(key, scope, name)?.positionTag.epoch ?? -1) >= sinceEpoch,
    );
  }

  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): PartitionRow[] {
    const { after, limit } = options;
    return this.#partitionNames(key, "")
      .filter((name) => after === null || compareTexts(name, after) > 0)
      .slice(0, limit)
      .flatMap((name) => this.loadPartition(key, "", name) ?? []);
  }

  #partitionNames(key: StreamKey, scope: string): string[] {
    const { isNew, moved } = this.#document(key);
    return isNew ? [] : partitionNamesIn(this.#base(key), partitionFolder(scope), moved);
  }

  loadBackfilled(key: StreamKey, partition: string | null): readonly CursorRange[] {
    if (partition === null) return this.#document(key).backfilled;
    const path = backfilledPath(partition);
    const content = this.#contentOf(key, path);
    if (content === null) return [];
    const resetEpoch = this.#document(key).rows.get("")?.resetEpoch ?? 0;
    return backfilledOf(content, partition, resetEpoch, this.#partitionFile(key, path));
  }

  saveBackfilled(key: StreamKey, partition: string | null, coverage: readonly CursorRange[]): void {
    const document = this.#next(key);
    if (partition === null) {
      this.#changed.set(this.#base(key), { ...document, backfilled: structuredClone(coverage) });
      return;
    }
    const resetEpoch = document.rows.get("")?.resetEpoch ?? 0;
    this.#contentsOf(key).set(backfilledPath(partition), backfilledContent(partition, coverage, resetEpoch));
  }

  /** Of the partitions, the row's new epoch says that what is stored counts no more. */
  clearBackfilled(key: StreamKey): void {
    this.#changed.set(this.#base(key), { ...this.#next(key), backfilled: [] });
  }

  backfilledPartitions(key: StreamKey): readonly string[] {
    const { isNew, moved } = this.#document(key);
    const names = isNew ? [] : partitionNamesIn(this.#base(key), backfilledFolder, moved);
    return names.filter((name) => this.loadBackfilled(key, name).length > 0);
  }

  listBackfills(key: StreamKey, limit: number): StreamRow[] {
    return [...this.#document(key).rows.values()]
      .filter(({ scope }) => scope !== "")
      .sort(compareBackfills)
      .slice(0, limit);
  }

  listKeys(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    const { after, limit } = options;
    return this.#keys()
      .filter((key) => after === null || compareStreamKeys(key, after) > 0)
      .slice(0, limit);
  }

  /** Deletes all due runs at once, since the log is rewritten for them. */
  pruneRuns(key: StreamKey, due: DueRuns): number {
    const ended = this.#log(key).runs.filter(({ run }) => run.outcome !== "running");
    const gone = ended.toReversed().filter(({ run }, newer) => isDue(run, newer, due));
    if (gone.length === 0) return 0;
    const document = this.#next(key);
    const base = this.#base(key);
    const runIds = new Set(gone.map(({ run }) => run.runId));
    this.#rewrite(key, linesWithout(logFile(base, document.log), document.logBytes, runIds));
    return gone.length;
  }

  /** Rewrites the stream's log with these lines. The new log is in effect once the stream's file names it. */
  #rewrite(key: StreamKey, kept: readonly string[]): void {
    const base = this.#base(key);
    const document = this.#next(key);
    this.#rewritten.add(base);
    this.#lines.set(base, [...kept, ...(this.#lines.get(base) ?? [])]);
    this.#changed.set(base, { ...document, log: document.log + 1, logBytes: 0 });
  }

  commit(): void {
    for (const [base, document] of this.#changed) this.#commit(base, document);
  }

  /** First writes the files that the stream's file refers to, then that file, which puts them into effect. */
  #commit(base: string, document: StateDocument): void {
    const lines = this.#lines.get(base) ?? [];
    makeFolder(dirname(base));
    if (document.isNew) removePartitionFiles(base);
    const logBytes =
      lines.length === 0
        ? document.logBytes
        : appendLog(logFile(base, document.log), document.logBytes, lines);
    const moved = this.#partitionContents.get(base) ?? new Map();
    if (moved.size > 0) {
      const earlier = [...document.moved].filter(([path]) => !moved.has(path));
      // A file that was edited meanwhile stays, until a step accepts the edit.
      const edited = earlier.filter(([path, content]) =>
        isUntakenEdit(readPartitionFile(base, path), content),
      );
      writePartitionFiles(base, new Map(earlier.filter((each) => !edited.includes(each))));
      for (const [path, content] of edited) moved.set(path, content);
    }
    const isLive = document.rows.has("");
    if (isLive && !document.isNew && !document.isListed) this.#ensureListed(document.key);
    const isListed = document.isListed || (isLive && !document.isNew);
    const next = { ...document, logBytes, moved: moved.size > 0 ? moved : document.moved, isListed };
    replaceFile(`${base}.json`, encodeDocument(next));
    if (isLive && document.isNew) this.#ensureListed(document.key);
    if (this.#rewritten.has(base)) removeLogsBefore(base, document.log);
    for (const scope of this.#removedBackfills) removePartitionFiles(base, partitionFolder(scope));
  }

  /** Adds the stream to the list of streams if it is not in it. */
  #ensureListed(key: StreamKey): void {
    if (!this.#list.has(key)) this.#list.add(key);
  }

  #base(key: StreamKey): string {
    return baseOf(this.#folder, key);
  }

  #partitionFile(key: StreamKey, path: string): string {
    return join(partitionsFolder(this.#base(key)), path);
  }

  /** The content of a partition file, with the changes of this transaction. */
  #contentOf(key: StreamKey, path: string): unknown {
    const { isNew, moved } = this.#document(key);
    if (isNew) return null;
    return moved.get(path) ?? readPartitionFile(this.#base(key), path);
  }

  #contentsOf(key: StreamKey): Map<string, unknown> {
    const base = this.#base(key);
    let moved = this.#partitionContents.get(base);
    if (moved === undefined) {
      moved = new Map();
      this.#partitionContents.set(base, moved);
    }
    return moved;
  }

  /** The document as the work has changed it so far. */
  #next(key: StreamKey): StateDocument {
    return this.#changed.get(this.#base(key)) ?? this.#document(key);
  }

  #append(key: StreamKey, line: string): void {
    const base = this.#base(key);
    this.#lines.set(base, [...(this.#lines.get(base) ?? []), line]);
  }

  #document(key: StreamKey): StateDocument {
    const base = this.#base(key);
    let document = this.#documents.get(base);
    if (document === undefined) {
      document = readDocument(key, base, this.#clock);
      this.#documents.set(base, document);
    }
    return document;
  }

  #log(key: StreamKey): LogLines {
    const base = this.#base(key);
    let log = this.#logs.get(base);
    if (log === undefined) {
      log = this.#ofLog(key, (file, bytes) => readLog(file, key, bytes));
      this.#logs.set(base, log);
    }
    return log;
  }

  /** A reader holds no lock: between reading two files, another process may have deleted runs and the old log. */
  #ofLog<T>(key: StreamKey, read: (file: string, bytes: number) => T): T {
    const base = this.#base(key);
    const document = this.#document(key);
    try {
      return read(logFile(base, document.log), document.logBytes);
    } catch (error) {
      const now = storedDocument(key, base, this.#clock);
      if (now === null || now.log === document.log) throw error;
      return read(logFile(base, now.log), now.logBytes);
    }
  }

  #keys(): StreamKey[] {
    return keysIn(this.#folder);
  }
}
