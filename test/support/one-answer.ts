import { type HttpPollingKeys, type ReadResult, readOnce } from "./http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "./http-server.ts";

/** The answer of every request: a body, and headers. */
export const always =
  (body: unknown, headers: Record<string, string> = {}): HttpHandler =>
  (_request, response) =>
    sendJson(response, body, headers);

/** One read of a source that answers so. */
export async function readAnswers(
  handler: HttpHandler,
  pagination: HttpPollingKeys["pagination"],
  keys: Partial<HttpPollingKeys> = { dataField: "data" },
  facts?: ReadonlySet<string>,
): Promise<ReadResult> {
  await using server = await startHttpServer(handler);
  return await readOnce({ endpoint: server.origin, pagination, ...keys }, {}, facts);
}
