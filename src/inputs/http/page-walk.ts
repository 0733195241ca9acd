import type { ResumePoint } from "../../model/position.ts";
import { CountedWalk } from "./counted-walk.ts";
import { FollowedWalk } from "./followed-walk.ts";
import type { PageFailure } from "./page-failure.ts";
import type { CountedPagination, Pagination, PlacePagination } from "./pagination-schema.ts";
import type { HttpPollingConfig } from "./schema.ts";
import type { Walk, WalkParts } from "./walk.ts";

/** How pages follow one another; an offset cursor without `pagination` pages by itself. */
export function paginationOf({ pagination, statePersistence }: HttpPollingConfig): Pagination | null {
  const { offset } = statePersistence;
  if (pagination !== undefined) return pagination;
  return offset?.enabled
    ? {
        type: "offset",
        param: offset.queryParam,
        startOffset: 0,
        end: "emptyPage",
        endStatuses: [],
        tokenGone: { statuses: [] },
        maxPages: 10_000,
      }
    : null;
}

/** A moved bound needs no place: the watermark is one. */
const resumeKinds = { page: "page", offset: "offset", cursor: "token", link: "link", seek: null } as const;

/** Whether a read with this pagination can resume at such a place. */
export function canResume(pagination: Pagination | null, place: ResumePoint): boolean {
  return pagination !== null && resumeKinds[pagination.type] === place.kind;
}

export interface WalkStart {
  /** Where to resume; null begins at the start. */
  readonly resume: ResumePoint | null;
  /** The leading offset that the window begins at; null where another cursor leads. */
  readonly offset: string | null;
}

/** Begins a read by places. `resolve` converts an address from the source to one that may be requested, or throws. */
export function startWalk(
  pagination: PlacePagination,
  start: WalkStart,
  resolve: (link: URL, fail: PageFailure) => URL,
  parts: WalkParts,
): Walk {
  if (pagination.type === "cursor" || pagination.type === "link") {
    return new FollowedWalk(pagination, start.resume, resolve, parts);
  }
  return new CountedWalk(pagination, start.resume ?? firstPlace(pagination, start.offset), parts);
}

function firstPlace(pagination: CountedPagination, offset: string | null): ResumePoint {
  if (pagination.type === "page") return { kind: "page", token: String(pagination.startPage) };
  return { kind: "offset", token: offset ?? "0" };
}
