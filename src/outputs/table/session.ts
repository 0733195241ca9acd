import type { ColumnKind, SqlConnection } from "../../databases/port.ts";
import {
  type InexactKey,
  inTransaction,
  type TableDescription,
  type TableStore,
  type Target,
} from "../../databases/table/store.ts";
import type {
  Batch,
  Commit,
  CommitPosition,
  Committed,
  OutputContext,
  OutputSession,
  Refusals,
} from "../../engine/ports.ts";
import { failOnRefusal } from "../../engine/refusals/refusals.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import { SinkOffsets } from "../offsets/sink-offsets.ts";
import type { SqlOffsetsStorage, Written } from "../offsets/sql-storage.ts";
import { ExactKeys, warnOfKey } from "./exact-keys.ts";
import { hasRows } from "./has-rows.ts";
import { NewestGuard } from "./newest-guard.ts";
import { refusalBefore, refusalOf } from "./refused-record.ts";
import { replacedBy } from "./replaced-row.ts";
import { rowsLeftOut, writeCarefully, writeRows } from "./row-writing.ts";
import { createSpill, type Spill, spill } from "./spills.ts";
import { TablePlan } from "./table-plan.ts";
import { writeFailure } from "./write-failure.ts";

/** How many records, and characters of them, wait in memory for a commit before they go to a temporary table. */
const heldRecords = 10_000;
const heldCharacters = 32 * 1024 * 1024;

export interface SessionParts {
  readonly connection: SqlConnection;
  readonly store: TableStore;
  readonly offsets: SqlOffsetsStorage;
  readonly context: OutputContext;
  readonly table: string;
  /** Fields of the key for an upsert; empty for an append. */
  readonly key: readonly string[];
  readonly createTable: boolean;
  readonly declared: ReadonlyMap<string, ColumnKind>;
  /** The stored fence, read on another connection; null where that fails too. */
  readonly currentEpoch: () => Promise<number | null>;
}

/**
 * One run's writes. Records wait, in memory and then in a temporary table, until the commit writes
 * them in one short transaction: a process that is stopped between two commits holds no lock.
 */
export class DatabaseSession implements OutputSession {
  readonly databaseIdentity: string;
  readonly settlesRefusals = true;
  readonly holdsRecords = (): Promise<boolean> => hasRows(this.#parts);
  readonly #parts: SessionParts;
  readonly #offsets: SinkOffsets<Written>;
  #inexact: readonly InexactKey[] = [];
  readonly #exactKeys: ExactKeys | null;
  readonly #newest: NewestGuard;
  #plan: TablePlan | null = null;
  #target: { readonly target: Target; readonly version: number } | null = null;
  #held: SourceRecord[] = [];
  #heldCharacters = 0;
  #spills: Spill[] = [];
  /** How many records wait for the commit. */
  #records = 0;
  readonly #refusals: Refusals;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.databaseIdentity = parts.connection.identity;
    this.#refusals = parts.context.refusals ?? failOnRefusal;
    const { table, key, store, context, offsets: storage } = parts;
    this.#offsets = new SinkOffsets({
      storage,
      key: context.key,
      scope: context.scope,
      place: `the table ${table}`,
    });
    this.#newest = new NewestGuard({ table, keyed: key.length > 0, rules: store.rules, context });
    this.#exactKeys =
      key.length === 0 ? null : new ExactKeys({ table, key, rules: store.rules, warn: context.warn });
  }

  fencedEpoch(): Promise<number> {
    return this.#offsets.fencedEpoch();
  }

  async fence(epoch: number): Promise<CommitPosition | null> {
    const { offsets: storage, context, store, table } = this.#parts;
    await inTransaction(store, () => this.#offsets.fence(epoch)).catch((error: unknown) => {
      throw writeFailure(error, table);
    });
    const last = await this.#offsets.start(epoch);
    const written = await storage.written(context.scope);
    const existing = await store.describe(table);
    if (existing === null && written.records > 0) {
      context.warn(
        "OUTPUT_TABLE_MISSING",
        `${written.records} records were written to the table ${table}, and it is gone; it is made anew, for what is read from here on`,
      );
    }
    if (existing !== null && this.#parts.key.length > 0) await this.#lookAtKey(existing, last);
    if (existing !== null) await this.#newest.lookAtRows(this.#parts.connection, existing);
    this.#plan = new TablePlan({
      table,
      key: this.#parts.key,
      rules: store.rules,
      declared: this.#parts.declared,
      mayChange: this.#parts.createTable,
      existing,
      fields: written.fields,
    });
    return last;
  }

  /** Finds the key columns in which different texts are equal, and warns of them before the first commit. */
  async #lookAtKey(existing: TableDescription, commitPosition: CommitPosition | null): Promise<void> {
    const { store, table, key, context } = this.#parts;
    const { rules } = store;
    this.#inexact = await store.inexactKeys(table, key);
    const blank = key.filter((field) =>
      existing.columns.some(
        (column) => rules.fold(column.name) === rules.fold(field) && rules.dropsBlanks?.(column) === true,
      ),
    );
    if (this.#exactKeys !== null) this.#exactKeys.blank = blank;
    if (commitPosition === null) warnOfKey(context.warn, table, { inexact: this.#inexact, blank });
  }

  partition(partition: string): Promise<CommitPosition | null> {
    return this.#offsets.partition(partition);
  }

  delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#offsets.delivered(identities);
  }

  async write(batch: Batch): Promise<number> {
    if (batch.deliveries !== undefined) await this.#offsets.deliver(batch.deliveries);
    const records = this.#fitting(batch);
    this.#newest.look(records, this.#planned());
    const [sample] = records;
    if (sample === undefined) return 0;
    // Estimates the batch's size from one record; exact sizes would be too slow.
    const characters = stringifyJson(sample).length * records.length;
    const full =
      this.#held.length + records.length > heldRecords || this.#heldCharacters + characters > heldCharacters;
    if (this.#held.length > 0 && full) await this.#spill();
    if (this.#held.length === 0) this.#held = [...records];
    else for (const record of records) this.#held.push(record);
    this.#heldCharacters += characters;
    this.#records += records.length;
    return records.length;
  }

  replaces(record: SourceRecord): Promise<"nothing" | "older" | "anything"> {
    return replacedBy(record, {
      ...this.#parts,
      plan: this.#planned(),
      newest: this.#newest,
      inexact: this.#inexact,
    });
  }

  /** The records for which columns can be made; the others are refused one by one, without a change to the plan. */
  #fitting({ records, columns }: Batch): readonly SourceRecord[] {
    const plan = this.#planned();
    const before = plan.snapshot();
    try {
      plan.fit(records, columns);
      return this.#withOwnKey(records);
    } catch (error) {
      if (!isTidemarkError(error, "RECORD_INVALID")) throw error;
      plan.restore(before);
    }
    return this.#withOwnKey(records.filter((record) => this.#fits(plan, record, columns)));
  }

  #withOwnKey(records: readonly SourceRecord[]): readonly SourceRecord[] {
    if (this.#exactKeys === null) return records;
    const { columns } = this.#planned();
    return this.#exactKeys.fitting(records, { waiting: this.#held, columns }, (problem, record) =>
      this.#refuseUnwritten(problem, record),
    );
  }

  #refuseUnwritten(problem: TidemarkError, record: SourceRecord): void {
    const { table, key } = this.#parts;
    this.#refusals.refuse(refusalBefore(problem, { table, key }, record));
  }

  #fits(plan: TablePlan, record: SourceRecord, columns: Batch["columns"]): boolean {
    const before = plan.snapshot();
    try {
      plan.fit([record], columns);
      return true;
    } catch (error) {
      if (!isTidemarkError(error, "RECORD_INVALID")) throw error;
      plan.restore(before);
      this.#refuseUnwritten(error, record);
      return false;
    }
  }

  /** Moves held records to a temporary table of the connection, which locks nothing. */
  async #spill(): Promise<void> {
    const { store } = this.#parts;
    const { version } = this.#planned();
    const target = this.#targetOf();
    let place = this.#spills.at(-1);
    if (place === undefined || place.version !== version) {
      const keepsRecords = this.#refusals.goesOn || !store.movesWhole(target);
      place = await createSpill(store, target, { version, keepsRecords });
      this.#spills.push(place);
    }
    const held = this.#held;
    this.#held = [];
    this.#heldCharacters = 0;
    const refused = await spill(store, place, held);
    for (const { record, error, fault } of refused) {
      const refusal = () => refusalOf(error, fault, { store, target, record });
      this.#refusals.refuse(await inTransaction(store, refusal));
    }
    this.#records -= refused.length;
  }

  /**
   * One transaction. If the database refuses a record, it is rolled back and repeated with savepoints, so that commits
   * without refusals need no savepoint.
   */
  async commit(commit: Commit): Promise<Committed> {
    const { store } = this.#parts;
    let committed: Committed;
    try {
      committed = await this.#commitOnce(commit, false);
    } catch (error) {
      await store.rollback();
      if (!this.#isOfRecords(error)) throw await this.#explained(error);
      committed = await this.#commitCarefully(commit, error);
    }
    const plan = this.#planned();
    if (this.#records > 0) plan.settled();
    this.#offsets.committed(commit);
    this.#exactKeys?.clear();
    const spills = this.#spills;
    this.#held = [];
    this.#heldCharacters = 0;
    this.#spills = [];
    this.#records = 0;
    for (const { waiting } of spills) await store.dropSpill(waiting);
    return committed;
  }

  #isOfRecords(error: unknown): error is TidemarkError {
    return error instanceof TidemarkError && this.#parts.store.faultOf(error) !== null;
  }

  async #commitCarefully(commit: Commit, first: TidemarkError): Promise<Committed> {
    const { store } = this.#parts;
    try {
      return await this.#commitOnce(commit, true, first);
    } catch (error) {
      await store.rollback();
      throw await this.#explained(error);
    }
  }

  async #commitOnce(commit: Commit, carefully: boolean, first?: TidemarkError): Promise<Committed> {
    const { store, offsets: storage, context, connection } = this.#parts;
    const plan = this.#planned();
    if (!store.changesInTransaction) await this.#fitTable(plan);
    await store.begin();
    await this.#offsets.advance(commit, { records: this.#records, fields: plan.fields });
    if (carefully) await store.checkConstraints?.();
    const without = this.#records === 0 ? 0 : await this.#writeRows(plan, carefully, first);
    if (!carefully && this.#records > 0) await store.checkConstraints?.();
    if (without > 0) await storage.countLess(context.scope, without);
    this.#refusals.settle();
    await this.#offsets.settle(commit);
    const committed = { written: this.#records - without };
    await commit.within?.(connection.handle, committed);
    await store.commit();
    // A backfill's upsert does not replace newer rows, on purpose.
    if (without > 0 && !carefully && this.#target?.target.newest === undefined) {
      context.warn("ROWS_LEFT_OUT", rowsLeftOut(this.#parts.table));
    }
    return committed;
  }

  /** Returns how many of the records the table does not hold then. */
  async #writeRows(plan: TablePlan, carefully: boolean, first: TidemarkError | undefined): Promise<number> {
    const { store, table } = this.#parts;
    if (plan.columns.length === 0) {
      throw new TidemarkError(
        "RECORD_INVALID",
        `no record so far has a value in any field, so that there is nothing to write to the table ${table}`,
        { hint: "Declare what it holds under `columns`, or check the filters." },
      );
    }
    if (store.changesInTransaction) await this.#fitTable(plan);
    const { connection } = this.#parts;
    const rows = { spills: this.#spills, held: this.#held };
    const parts = { store, connection, target: this.#targetOf(), refusals: this.#refusals };
    return carefully ? writeCarefully(parts, rows, first) : writeRows(parts, rows);
  }

  async #fitTable(plan: TablePlan): Promise<void> {
    const { store } = this.#parts;
    if (this.#records === 0 || plan.columns.length === 0 || !plan.unsettled) return;
    await store.changeTables(() => this.#changeTable(plan));
  }

  async #changeTable(plan: TablePlan): Promise<void> {
    const { store, table, createTable } = this.#parts;
    const changes = plan.reconcile(await store.describe(table));
    if (!createTable && (changes.create || changes.add.length > 0)) {
      throw new TidemarkError(
        "OUTPUT_FAILED",
        `the table ${table} or a column of it has gone during the run`,
      );
    }
    if (changes.create) await store.create(table, plan.columns, plan.key);
    else {
      await store.addColumns(table, changes.add);
      await store.widen(table, changes.widen);
    }
  }

  #targetOf(): Target {
    const plan = this.#planned();
    if (this.#target?.version !== plan.version) {
      const newest = this.#newest.by(plan);
      const target = {
        table: this.#parts.table,
        columns: plan.columns,
        key: plan.key,
        ...(this.#inexact.length === 0 ? {} : { inexact: this.#inexact }),
        ...(newest === null ? {} : { newest }),
      };
      this.#target = { target, version: plan.version };
    }
    return this.#target.target;
  }

  /**
   * A run that was paused for long finds its connection closed, or its locks taken by another run: the error must then
   * say that its stream was taken over.
   */
  async #explained(error: unknown): Promise<unknown> {
    const { table, currentEpoch } = this.#parts;
    const { epoch } = this.#offsets;
    if (isTidemarkError(error, "OUTPUT_UNAVAILABLE") && epoch !== null) {
      const current = await currentEpoch();
      if (current !== null && current > epoch) return this.#offsets.superseded(epoch, current, error);
    }
    return writeFailure(error, table);
  }

  #planned(): TablePlan {
    if (this.#plan === null)
      throw new TidemarkError("INTERNAL", "a batch was written before the run was fenced");
    return this.#plan;
  }

  async close(): Promise<void> {
    try {
      await this.#parts.store.rollback();
    } finally {
      await this.#parts.connection.close();
    }
  }
}
