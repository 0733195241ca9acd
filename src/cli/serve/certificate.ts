import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { ServiceLogger } from "../../api/service/logger.ts";
import type { Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { invalidArgument } from "../failure.ts";

/** A certificate chain and its private key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate's status for metrics. */
export interface CertificateStatus {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Whether the files hold a newer one that cannot be used. */
  readonly isStale: boolean;
}

export interface CertificateParts {
  readonly clock: Clock;
  readonly logger: ServiceLogger;
  /** Serves the certificate from here on, to new connections. */
  readonly use: (certificate: Certificate) => void;
  readonly observe?: (status: CertificateStatus) => void;
}

const lookMs = 5000;

/** Reads the files of a certificate for the first time. Throws `ARGUMENT_INVALID`. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  return { cert: pemOf("--tls-cert", certFile), key: pemOf("--tls-key", keyFile) };
}

function pemOf(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw invalidArgument(`${option}: ${file} cannot be read: ${messageOf(error)}`, "Give a PEM file.");
  }
}

/**
 * Loads a renewed certificate. If it cannot be used, an error is logged and the previous one stays in use: an
 * incomplete renewal must not stop the service.
 */
export class CertificateRenewal {
  readonly #files: CertificateFiles;
  readonly #parts: CertificateParts;
  #current: Certificate;
  /** The error of the last check of the files, and whether it was logged. */
  #trouble: { readonly why: string; readonly logged: boolean } | null = null;

  constructor(files: CertificateFiles, current: Certificate, parts: CertificateParts) {
    this.#files = files;
    this.#current = current;
    this.#parts = parts;
    this.#observe();
  }

  /** Checks every few seconds until the signal aborts; not every file system reports changes. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(lookMs, signal, { background: true }).catch(() => {});
      if (!signal.aborted) this.look(false);
    }
  }

  /**
   * Checks now. The two files are not replaced atomically: unless `isAsked`, an error is logged only when it occurs a
   * second time.
   */
  look(isAsked: boolean): void {
    const { logger, use, clock } = this.#parts;
    const { certFile, keyFile } = this.#files;
    try {
      const found = { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
      const isNew = found.cert !== this.#current.cert || found.key !== this.#current.key;
      if (isNew) {
        assertUsable(found, this.#current, clock.now());
        use(found);
        this.#current = found;
        const expires = new Date(expiryOf(found.cert)).toISOString();
        logger.info(
          { file: certFile, expires },
          "the certificate was renewed; new connections are served it",
        );
      }
      this.#trouble = null;
    } catch (error) {
      const why = messageOf(error);
      const isLogged = this.#trouble?.logged === true && this.#trouble.why === why;
      const logs = !isLogged && (isAsked || this.#trouble?.why === why);
      if (logs) {
        logger.error(
          { file: certFile, error: why },
          "the new certificate cannot be used; the one before is still served",
        );
      }
      this.#trouble = { why, logged: isLogged || logs };
    }
    this.#observe();
  }

  #observe(): void {
    this.#parts.observe?.({
      expiresAt: expiryOf(this.#current.cert),
      isStale: this.#trouble?.logged === true,
    });
  }
}

function assertUsable(found: Certificate, current: Certificate, now: number): void {
  createSecureContext(found);
  const expiry = expiryOf(found.cert);
  if (expiry <= now && expiry <= expiryOf(current.cert))
    throw new Error(`it expired ${new Date(expiry).toISOString()}`);
}

/** When the first certificate of a chain, the server's own, expires. */
function expiryOf(chain: string): number {
  return Date.parse(new X509Certificate(chain).validTo);
}
