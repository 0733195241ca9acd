import { connect } from "node:net";
import { expect } from "vitest";
import type { Running } from "./support.ts";

/**
 * What is sent over a connection as it stands, and all that comes back until the other side closes. Where that
 * closes while more is on its way to it, the connection may end with an error after the answer.
 */
export function exchange(service: Running, text: string | readonly string[], pauseMs = 0): Promise<string> {
  const { hostname, port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, async () => {
      for (const part of typeof text === "string" ? [text] : text) {
        if (socket.destroyed) return;
        socket.write(part);
        await new Promise((next) => setTimeout(next, pauseMs));
      }
    });
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
    });
    let failure: Error | null = null;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      if (answer === "" && failure !== null) reject(failure);
      else resolve(answer);
    });
  });
}

/** The status and the problem document of an answer as it came over the wire. */
export function rawProblem(answer: string): { status: number; code: string } {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toMatch(/content-type: application\/problem\+json/i);
  const { status, code } = JSON.parse(body);
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  return { status, code };
}

/** One request whose path is sent as it stands, which `fetch` would not do. */
export function rawAsk(service: Running, method: string, path: string, body = ""): Promise<string> {
  return exchange(
    service,
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${service.admin}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

export function rawJson(answer: string): Record<string, unknown> {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toMatch(/^HTTP\/1.1 200 /);
  return JSON.parse(body);
}
