import type { IncomingHttpHeaders } from "node:http";
import { Dispatcher } from "undici";
import type { Answer } from "./source.ts";

/** Answers every request of a client in this process, below all that the client itself does. */
export class AnsweringDispatcher extends Dispatcher {
  readonly #answer: (url: URL) => Answer | Error;

  /** An error stands for a connection that gave no answer. */
  constructor(answer: (url: URL) => Answer | Error) {
    super();
    this.#answer = answer;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const controller = new Controller();
    handler.onRequestStart?.(controller, {});
    const answer = this.#answer(new URL(options.path, String(options.origin)));
    if (answer instanceof Error) {
      handler.onResponseError?.(controller, answer);
      return true;
    }
    const { status, headers, body, isCut } = answer;
    const bytes = Buffer.from(body);
    const sent: IncomingHttpHeaders = { ...headers, "content-length": String(bytes.length) };
    handler.onResponseStart?.(controller, status, sent, "");
    if (isCut) {
      handler.onResponseData?.(controller, bytes.subarray(0, Math.floor(bytes.length / 2)));
      handler.onResponseError?.(controller, new Error("other side closed"));
    } else {
      if (bytes.length > 0) handler.onResponseData?.(controller, bytes);
      handler.onResponseEnd?.(controller, {});
    }
    return true;
  }
}

class Controller implements Dispatcher.DispatchController {
  aborted = false;
  paused = false;
  reason: Error | null = null;

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}
