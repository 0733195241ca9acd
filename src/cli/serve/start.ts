import { openKeys } from "../../api/keys/open.ts";
import type { KeyStore } from "../../api/keys/store.ts";
import { usualLimits } from "../../api/service/authenticate.ts";
import { ensureKey, firstKeyFile, isLoopback } from "../../api/service/first-key.ts";
import { serveService } from "../../api/service/listen.ts";
import type { ServiceLogger } from "../../api/service/logger.ts";
import { createService, type ServiceOptions } from "../../api/service/service.ts";
import type { Clock } from "../../clock.ts";
import type { StateStore } from "../../state/contract.ts";
import { invalidArgument } from "../failure.ts";
import { actor } from "../state-access.ts";
import {
  type CertificateFiles,
  CertificateRenewal,
  type CertificateStatus,
  readCertificate,
} from "./certificate.ts";

/** What a command line says of the service. */
export interface ServiceSettings {
  readonly state: string;
  readonly host: string;
  readonly port: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly adminKeyFile?: string;
  /** False with `--no-auth`, and absent else. */
  readonly auth?: boolean;
  readonly rateLimit: number;
  /** As `serveService` chooses it, where absent. */
  readonly maxConnections?: number;
}

export interface StartedService extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Where the key of the first start was written; null where there was one before. */
  readonly firstKeyFile: string | null;
  /** Takes no more connections and resolves when the requests at hand are answered. */
  drain(graceMs: number): Promise<void>;
  /** Takes up a renewed certificate now, rather than with the next look at its files. */
  reload(): void;
}

type Parts = Pick<ServiceOptions, "metrics" | "middleware"> & {
  readonly logger: ServiceLogger;
  readonly clock: Clock;
  readonly observeCertificate?: (status: CertificateStatus) => void;
};

/** Starts the service over an open state, with its keys, as a command line says. */
export async function startService(
  state: StateStore,
  settings: ServiceSettings,
  parts: Parts,
): Promise<StartedService> {
  const files = certificateFiles(settings);
  const tls = files === null ? null : readCertificate(files);
  const keys = await keysOf(settings, parts.clock);
  try {
    const first = keys === null ? null : await firstKey(keys, settings, parts.logger);
    const perKey = { burst: settings.rateLimit * 2, perSecond: settings.rateLimit };
    const service = createService({ state, keys, ...parts, limits: { ...usualLimits, perKey } });
    const { host, port, maxConnections } = settings;
    const most = maxConnections === undefined ? {} : { maxConnections };
    const listening = await serveService(service, { host, port, ...most, ...(tls === null ? {} : { tls }) });
    const { logger, clock, observeCertificate: observe } = parts;
    const use = listening.renew;
    const renewal =
      files === null || tls === null
        ? null
        : new CertificateRenewal(files, tls, {
            clock,
            logger,
            use,
            ...(observe === undefined ? {} : { observe }),
          });
    const over = new AbortController();
    void renewal?.follow(over.signal);
    return {
      url: listening.url,
      port: listening.port,
      firstKeyFile: first,
      drain: (graceMs) => listening.close(graceMs),
      reload: () => renewal?.look(true),
      async [Symbol.asyncDispose]() {
        over.abort();
        await listening.close(0);
        await keys?.close();
      },
    };
  } catch (error) {
    await keys?.close();
    throw error;
  }
}

async function keysOf({ auth, host, state }: ServiceSettings, clock: Clock): Promise<KeyStore | null> {
  if (auth !== false) return openKeys(state, { clock });
  if (isLoopback(host)) return null;
  throw invalidArgument(
    `--no-auth would let everybody who reaches ${host} in`,
    "Leave it out, or listen on 127.0.0.1.",
  );
}

async function firstKey(
  keys: KeyStore,
  { host, state, adminKeyFile }: ServiceSettings,
  logger: ServiceLogger,
): Promise<string | null> {
  const first = await ensureKey(keys, { host, file: adminKeyFile ?? firstKeyFile(state), actor: actor() });
  if (first.made) return first.file;
  if (!first.usable)
    logger.warn({}, "no key can be used: all are expired or revoked; make one with `tidemark keys create`");
  return null;
}

function certificateFiles({ tlsCert, tlsKey }: ServiceSettings): CertificateFiles | null {
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw invalidArgument("--tls-cert and --tls-key go together", "Give both files.");
  }
  return { certFile: tlsCert, keyFile: tlsKey };
}
