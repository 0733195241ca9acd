import "../../node-version.ts";

export { openKeys } from "../keys/open.ts";
export { type IssuedKey, type KeyRecord, type KeyStorage, KeyStore, type NewKey } from "../keys/store.ts";
export type { KeyAuditRecord, KeyRow } from "../keys/tables.ts";
export type { Principal } from "./access.ts";
export type { AuthenticationLimits } from "./authenticate.ts";
export { ensureKey, type FirstKey, firstKeyFile, isLoopback } from "./first-key.ts";
export { type Listening, type ListenOptions, serveService } from "./listen.ts";
export type { ServiceLogger } from "./logger.ts";
export type { ObservedRequest, ServiceMetrics } from "./request-log.ts";
export { createService, type Service, type ServiceOptions } from "./service.ts";
