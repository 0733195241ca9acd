/** Where the service's log lines go; a `pino` logger is one. */
export interface ServiceLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: ServiceLogger = { info() {}, warn() {}, error() {} };
