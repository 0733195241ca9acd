import type { HttpPollingKeys } from "./http-polling.ts";

interface Row {
  readonly id: string;
}

/** One page of a source, for it to be written as that source does. */
interface Part {
  readonly rows: readonly Row[];
  /** Where the next page begins; null at the end. */
  readonly next: number | null;
  readonly from: number;
  readonly total: number;
  /** The address of the next page. */
  readonly url: string;
  readonly path: string;
}

interface Written {
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** One of them, and what declares it. */
export interface Source {
  readonly dataField?: string;
  /** What pages it; null where no `pagination` can. */
  readonly pagination: HttpPollingKeys["pagination"] | null;
  readonly write: (part: Part) => Written;
}

/** How many records each gives at most. */
export const size = 3;
/** A field that is absent at the end. */
const unlessEnd = (next: number | null, field: object): object => (next === null ? {} : field);
const cursor = (nextCursorField: string) =>
  ({ type: "cursor", param: "at", nextCursorField, limit: size }) as const;
const link = (nextCursorField?: string) =>
  ({ type: "link", ...(nextCursorField === undefined ? {} : { nextCursorField }), limit: size }) as const;
const page = { type: "page", param: "page", limit: size } as const;
const offset = { type: "offset", param: "at", limit: size } as const;
const pagesOf = (total: number): number => Math.max(1, Math.ceil(total / size));

/** How well-known services page, each as it writes its answers. */
export const sources: Record<string, Source> = {
  "X-Total-Count": {
    pagination: page,
    write: ({ rows, total }) => ({ body: rows, headers: { "X-Total-Count": String(total) } }),
  },
  "Content-Range without a unit (PostgREST)": {
    pagination: offset,
    write: ({ rows, from, total }) => ({
      body: rows,
      headers: {
        "Content-Range": rows.length === 0 ? `*/${total}` : `${from}-${from + rows.length - 1}/${total}`,
      },
    }),
  },
  "X-Pagination with JSON": {
    pagination: page,
    write: ({ rows, total, next }) => ({
      body: rows,
      headers: { "X-Pagination": JSON.stringify({ TotalCount: total, HasNext: next !== null }) },
    }),
  },
  "X-WP-TotalPages": {
    pagination: page,
    write: ({ rows, total }) => ({
      body: rows,
      headers: { "X-WP-Total": String(total), "X-WP-TotalPages": String(pagesOf(total)) },
    }),
  },
  "X-Next-Page (GitLab)": {
    pagination: page,
    write: ({ rows, next }) => ({
      body: rows,
      headers: { "X-Next-Page": next === null ? "" : String(next / size + 1), "X-Page": "1" },
    }),
  },
  "Link (Shopify, Okta, GitHub)": {
    pagination: link(),
    write: ({ rows, next, url }) => ({
      body: rows,
      headers: {
        Link: next === null ? `<${url}>; rel="prev"` : `<${url}>; rel="next", <${url}>; rel="last"`,
      },
    }),
  },
  "x-ms-continuationtoken": {
    pagination: null,
    dataField: "value",
    write: ({ rows, next }) => ({
      body: { count: rows.length, value: rows },
      headers: { "x-ms-continuationtoken": next === null ? "" : `t${next}` },
    }),
  },
  HAL: {
    dataField: "_embedded.items",
    pagination: link("_links.next.href"),
    write: ({ rows, next, path }) => ({
      body: {
        _links: { self: { href: "/items" }, ...unlessEnd(next, { next: { href: path } }) },
        _embedded: { items: rows },
      },
    }),
  },
  "JSON:API": {
    dataField: "data",
    pagination: link("links.next"),
    write: ({ rows, next, url }) => ({
      body: { data: rows, links: { self: url, next: next === null ? null : url } },
    }),
  },
  "OData, Dynamics": {
    dataField: "value",
    pagination: link("@odata.nextLink"),
    write: ({ rows, next, url }) => ({
      body: { value: rows, ...unlessEnd(next, { "@odata.nextLink": url }) },
    }),
  },
  "Graph's delta": {
    dataField: "value",
    pagination: link("@odata.nextLink"),
    write: ({ rows, next, url }) => ({
      body: { value: rows, ...(next === null ? { "@odata.deltaLink": url } : { "@odata.nextLink": url }) },
    }),
  },
  Elasticsearch: {
    dataField: "hits.hits",
    pagination: { ...offset, totalField: "hits.total.value" },
    write: ({ rows, total }) => ({
      body: {
        timed_out: false,
        _shards: { total: 1, failed: 0 },
        hits: { total: { value: total, relation: "eq" }, hits: rows },
      },
    }),
  },
  Stripe: {
    dataField: "data",
    pagination: null,
    write: ({ rows, next }) => ({ body: { object: "list", data: rows, has_more: next !== null } }),
  },
  Slack: {
    dataField: "members",
    pagination: cursor("response_metadata.next_cursor"),
    write: ({ rows, next }) => ({
      body: {
        ok: true,
        members: rows,
        response_metadata: { next_cursor: next === null ? "" : String(next) },
      },
    }),
  },
  Notion: {
    dataField: "results",
    pagination: { ...cursor("next_cursor"), hasMoreField: "has_more" },
    write: ({ rows, next }) => ({
      body: { results: rows, has_more: next !== null, next_cursor: next === null ? null : String(next) },
    }),
  },
  "Google, YouTube": {
    dataField: "items",
    pagination: cursor("nextPageToken"),
    write: ({ rows, next, total }) => ({
      body: {
        items: rows,
        pageInfo: { totalResults: total },
        ...(next === null ? { nextSyncToken: "later" } : { nextPageToken: String(next) }),
      },
    }),
  },
  Salesforce: {
    dataField: "records",
    pagination: { ...link("nextRecordsUrl"), totalField: "totalSize" },
    write: ({ rows, next, total, path }) => ({
      body: {
        totalSize: total,
        done: next === null,
        ...unlessEnd(next, { nextRecordsUrl: path }),
        records: rows,
      },
    }),
  },
  "Zendesk's cursors": {
    dataField: "tickets",
    pagination: { ...link("links.next"), hasMoreField: "meta.has_more" },
    write: ({ rows, next, url }) => ({
      body: {
        tickets: rows,
        meta: { has_more: next !== null, after_cursor: "x" },
        links: { next: next === null ? null : url },
      },
    }),
  },
  "Jira's isLast": {
    dataField: "values",
    pagination: { ...offset, totalField: "total" },
    write: ({ rows, from, next, total }) => ({
      body: { startAt: from, maxResults: size, total, isLast: next === null, values: rows },
    }),
  },
  Twitter: {
    dataField: "data",
    pagination: cursor("meta.next_token"),
    write: ({ rows, next }) => ({
      body: {
        data: rows,
        meta: { result_count: rows.length, ...unlessEnd(next, { next_token: String(next) }) },
      },
    }),
  },
  Facebook: {
    dataField: "data",
    pagination: link("paging.next"),
    write: ({ rows, next, url }) => ({
      body: {
        data: rows,
        paging: { cursors: { before: "a", after: "b" }, ...unlessEnd(next, { next: url }) },
      },
    }),
  },
  Airtable: {
    dataField: "records",
    pagination: cursor("offset"),
    write: ({ rows, next }) => ({ body: { records: rows, ...unlessEnd(next, { offset: `itr/${next}` }) } }),
  },
  HubSpot: {
    dataField: "results",
    pagination: cursor("paging.next.after"),
    write: ({ rows, next }) => ({
      body: { results: rows, ...unlessEnd(next, { paging: { next: { after: String(next) } } }) },
    }),
  },
  Intercom: {
    dataField: "data",
    pagination: cursor("pages.next.starting_after"),
    write: ({ rows, next, total }) => ({
      body: {
        data: rows,
        total_count: total,
        pages: {
          type: "pages",
          per_page: size,
          ...unlessEnd(next, { next: { page: 2, starting_after: `s${next}` } }),
        },
      },
    }),
  },
  Chargebee: {
    dataField: "list",
    pagination: cursor("next_offset"),
    write: ({ rows, next }) => ({ body: { list: rows, ...unlessEnd(next, { next_offset: `["${next}"]` }) } }),
  },
  Recurly: {
    dataField: "data",
    pagination: { ...link("next"), hasMoreField: "has_more" },
    write: ({ rows, next, path }) => ({
      body: { has_more: next !== null, next: next === null ? null : path, data: rows },
    }),
  },
  PayPal: {
    dataField: "transaction_details",
    pagination: { ...page, totalPagesField: "total_pages" },
    write: ({ rows, next, total, url }) => ({
      body: {
        transaction_details: rows,
        total_items: total,
        total_pages: pagesOf(total),
        links: [{ rel: "self", href: url }, ...(next === null ? [] : [{ rel: "next", href: url }])],
      },
    }),
  },
  DynamoDB: {
    dataField: "Items",
    pagination: null,
    write: ({ rows, next }) => ({
      body: {
        Items: rows,
        Count: rows.length,
        ...unlessEnd(next, { LastEvaluatedKey: { id: { S: "r3" } } }),
      },
    }),
  },
  MediaWiki: {
    dataField: "query.list",
    pagination: cursor("continue.listcontinue"),
    write: ({ rows, next }) => ({
      body: {
        ...unlessEnd(next, { continue: { listcontinue: `x${next}`, continue: "-||" } }),
        query: { list: rows },
      },
    }),
  },
  Kubernetes: {
    dataField: "items",
    pagination: cursor("metadata.continue"),
    write: ({ rows, next }) => ({
      body: { metadata: { continue: next === null ? "" : `x${next}` }, items: rows },
    }),
  },
  Pipedrive: {
    dataField: "data",
    pagination: { ...offset, hasMoreField: "additional_data.pagination.more_items_in_collection" },
    write: ({ rows, from, next }) => ({
      body: {
        success: true,
        data: rows,
        additional_data: {
          pagination: { start: from, limit: size, more_items_in_collection: next !== null },
        },
      },
    }),
  },
  Algolia: {
    dataField: "hits",
    pagination: { ...page, startPage: 1, totalPagesField: "nbPages" },
    write: ({ rows, total }) => ({ body: { hits: rows, nbHits: total, nbPages: pagesOf(total) } }),
  },
  Solr: {
    dataField: "response.docs",
    pagination: { ...offset, totalField: "response.numFound" },
    write: ({ rows, from, total }) => ({ body: { response: { numFound: total, start: from, docs: rows } } }),
  },
  DataTables: {
    dataField: "data",
    pagination: { ...offset, totalField: "recordsFiltered" },
    write: ({ rows, total }) => ({ body: { recordsTotal: 900, recordsFiltered: total, data: rows } }),
  },
  Marketo: {
    dataField: "result",
    pagination: { ...cursor("nextPageToken"), hasMoreField: "moreResult" },
    write: ({ rows, next }) => ({
      body: { success: true, result: rows, moreResult: next !== null, nextPageToken: String(next ?? "end") },
    }),
  },
  Square: {
    dataField: "payments",
    pagination: cursor("cursor"),
    write: ({ rows, next }) => ({ body: { payments: rows, ...unlessEnd(next, { cursor: `x${next}` }) } }),
  },
  Twitch: {
    dataField: "data",
    pagination: cursor("pagination.cursor"),
    write: ({ rows, next }) => ({
      body: { data: rows, pagination: unlessEnd(next, { cursor: `x${next}` }) },
    }),
  },
  Reddit: {
    dataField: "data.children",
    pagination: cursor("data.after"),
    write: ({ rows, next }) => ({
      body: { data: { children: rows, after: next === null ? null : `t_${next}` } },
    }),
  },
  Discourse: {
    dataField: "topic_list.topics",
    pagination: link("topic_list.more_topics_url"),
    write: ({ rows, next, path }) => ({
      body: { topic_list: { topics: rows, ...unlessEnd(next, { more_topics_url: path }) } },
    }),
  },
};
