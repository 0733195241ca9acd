import type { IncomingMessage } from "node:http";
import type { Principal } from "./access.ts";

/** What `hono` carries along with a request. */
export interface Env {
  Bindings: {
    /** Node's own request; absent where the application is called without a server. */
    readonly incoming?: IncomingMessage;
  };
  Variables: {
    requestId: string;
    principal: Principal;
    /** For the log: the route's template and what the request is about. */
    route: string;
    about: { connector?: string; stream?: string; run_id?: string; epoch?: number };
    code: string;
    /** The error, where the service itself failed. */
    thrown: unknown;
  };
}
