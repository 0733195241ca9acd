import type { Incremental, Output } from "../../engine/ports.ts";
import { type Finding, settingWarning } from "../../findings.ts";
import { namesChange } from "../../model/change-names.ts";
import { sliceStartWarnings, slicesPath } from "../slice-warnings.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** Settings of an HTTP input that are valid and likely to lose or miss records. */
export function httpSettingWarnings(
  config: HttpPollingConfig,
  incremental: Incremental,
  output: Pick<Output, "upsertKey">,
): Finding[] {
  return [
    ...textOrderWarnings(incremental),
    ...sliceWarnings(incremental),
    ...pagesShiftWarnings(config, output),
    ...pagingUnitWarnings(config),
    ...combinedCursorWarnings(config),
  ];
}

function textOrderWarnings({ cursors }: Incremental): Finding[] {
  if (cursors[0]?.type !== "text") return [];
  const message = "texts are compared by code point; a source that sorts them in another way loses records";
  return [settingWarning("TEXT_ORDER", ["input", "statePersistence", "id"], message)];
}

/** The highest id of an API is unknown before the read, so a run by ids has no upper end to cut slices from. */
function sliceWarnings(incremental: Incremental): Finding[] {
  const { slices, cursors } = incremental;
  if ((slices ?? null) === null || cursors[0]?.type !== "numeric_id") return sliceStartWarnings(incremental);
  const message =
    "how far the ids of an API go is not known beforehand, so only backfills are cut into slices";
  return [settingWarning("SLICES_UNUSED", slicesPath, message, { part: "key" })];
}

/**
 * Pages that are counted shift while records change: a source that is sorted by the time of change moves a changed
 * record to the end, and every record after its old place moves forward by one, possibly to the page before. Warns only
 * where records do change: the output replaces them, or the cursor's name says so.
 */
function pagesShiftWarnings(input: HttpPollingConfig, output: Pick<Output, "upsertKey">): Finding[] {
  const {
    pagination,
    statePersistence: { order, timestamp },
  } = input;
  if (pagination?.type !== "page" && pagination?.type !== "offset") return [];
  if (order !== "ascending" || !timestamp?.enabled) return [];
  const isReplaced = output.upsertKey !== undefined;
  if (!isReplaced && !namesChange(timestamp.field)) return [];
  const message = `a record that changes while ${pagination.type === "page" ? "pages" : "offsets"} are counted moves to the end, and another slips past a page's border unread`;
  const hint = "use `pagination: { type: seek }`, or page tokens, if the source has them";
  return [settingWarning("PAGES_SHIFT", ["input", "pagination", "type"], message, { part: "value", hint })];
}

/** An offset sent as a page number asks for a page far past the end. Warns where the parameter is named like a page. */
function pagingUnitWarnings(input: HttpPollingConfig): Finding[] {
  if (input.pagination?.type !== "offset") return [];
  const { param } = input.pagination;
  if (!/^(?:current[_-]?)?(?:p|pg|page)(?:[_-]?(?:no|nr|num|number|index)|\[number\])?$/i.test(param))
    return [];
  const message = `\`type: offset\` sends the number of a record, and \`${param}\` is by its name the number of a page: the second request would then ask for a page far past the end, and the read end there`;
  const hint = "declare `type: page`, unless the parameter does count records";
  return [settingWarning("PAGING_UNIT", ["input", "pagination", "param"], message, { part: "value", hint })];
}

/**
 * Two bounds are sent, and the source may require both. It then never returns a changed record whose id lies below the
 * highest one. For queries, the warnings about the query say this.
 */
function combinedCursorWarnings(input: HttpPollingConfig): Finding[] {
  const { timestamp, id } = input.statePersistence;
  if (!timestamp?.enabled || !id?.enabled) return [];
  const message = `the source is asked by \`${timestamp.queryParam}\` and \`${id.queryParam}\` together: if it requires both, a record that changes does not come again where its id is below the highest one`;
  const hint = "leave `id` out, unless the source compares the two as one pair, or its records never change";
  return [settingWarning("CURSORS_COMBINED", ["input", "statePersistence", "id"], message, { hint })];
}
