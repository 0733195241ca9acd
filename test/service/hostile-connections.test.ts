import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { exchange, rawProblem } from "./raw.ts";
import { done, type Running, startService } from "./support.ts";

const begin = "/v1/streams/sap_eu/suppliers/begin";

describe("connections", () => {
  it.each([
    ["no HTTP", "hello\r\n\r\n", 400, "INVALID_REQUEST"],
    ["no host", "GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "INVALID_REQUEST"],
    [
      "a host that is none",
      "GET /readyz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
      400,
      "INVALID_REQUEST",
    ],
    [
      "a path with a backslash",
      "GET \\readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      400,
      "INVALID_REQUEST",
    ],
    [
      "an expectation that nobody knows",
      "GET /nowhere HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n",
      404,
      "ROUTE_NOT_FOUND",
    ],
    [
      "an upgrade to another protocol",
      "GET /nowhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n",
      404,
      "ROUTE_NOT_FOUND",
    ],
    [
      "headers without end",
      `GET /readyz HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(40_000)}\r\n\r\n`,
      413,
      "BODY_TOO_LARGE",
    ],
    [
      "two lengths",
      "POST /v1/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      400,
      "INVALID_REQUEST",
    ],
    [
      "a length and chunks",
      "POST /v1/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      "INVALID_REQUEST",
    ],
  ])("%s is answered with a problem", async (_, text, status, code) => {
    const service = await startService();
    expect(rawProblem(await exchange(service, text))).toEqual({ status, code });
  });

  it("a head that comes too slowly is given up", async () => {
    const service = await startService({ headMs: 300 });
    const answer = await exchange(
      service,
      [...`GET /readyz HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(500)}`],
      20,
    );
    expect(rawProblem(answer)).toEqual({ status: 408, code: "REQUEST_TIMEOUT" });
  });

  it("a body that comes too slowly is given up, and the run is not begun", async () => {
    const service = await startService({ headMs: 300, requestMs: 600 });
    const head = `POST ${begin} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.admin}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;
    const answer = await exchange(service, [head, ...Array<string>(200).fill(" ")], 20);
    expect(rawProblem(answer)).toEqual({ status: 408, code: "REQUEST_TIMEOUT" });
    expect((await service.state.list()).items).toEqual([]);
  });

  it("a client that goes on sending behind its 408 is cut off", async () => {
    const service = await startService({ headMs: 300 });
    const { answer, closed } = goesOnSending(service, "GET /readyz HTTP/1.1\r\nHost: x\r\nX: ");
    await closed;
    expect(rawProblem(answer())).toEqual({ status: 408, code: "REQUEST_TIMEOUT" });
  });

  it("a client that does not read its answers is cut off, and others are answered meanwhile", async () => {
    const service = await startService({ answerMs: 300 });
    const docs = "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n";
    const { socket, closed } = goesOnSending(service, docs.repeat(500), docs);
    socket.pause();
    done(await service.ask("GET", "/readyz"));
    await closed;
  });

  it("a slow client's place is taken when all connections are used up, and it is the slowest", async () => {
    const service = await startService({ maxConnections: 10 });
    const half = Array.from({ length: 40 }, () =>
      goesOnSending(service, "GET /readyz HTTP/1.1\r\nHost: x\r\nX: "),
    );
    await Promise.all(half.slice(0, 30).map(({ closed }) => closed));
    done(await service.ask("GET", "/readyz"));
    const whole = half.slice(-5).map(({ socket }) => new Promise((resolve) => socket.once("data", resolve)));
    for (const { goOn } of half.slice(-5)) goOn("\r\n\r\n");
    for (const answer of await Promise.all(whole)) expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
  });

  it("a request whose body is still to come is not kept when others wait", async () => {
    const service = await startService({ maxConnections: 3 });
    const head = `POST ${begin} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.admin}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`;
    const slow = Array.from({ length: 3 }, () => goesOnSending(service, head));
    await Promise.all(slow.map(({ socket }) => new Promise((resolve) => socket.once("connect", resolve))));
    done(await service.ask("GET", "/readyz"));
    await slow[0]?.closed;
    expect((await service.state.list()).items).toEqual([]);
  });

  it("hundreds of connections that send nothing keep nobody out, and are closed", async () => {
    const service = await startService({ headMs: 1000 });
    const { hostname, port } = new URL(service.url);
    const idle = Array.from({ length: 500 }, () => connect(Number(port), hostname));
    const gone = idle.map(
      (socket) =>
        new Promise((resolve) =>
          socket
            .on("close", resolve)
            .on("error", () => {})
            .resume(),
        ),
    );
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    done(await service.ask("GET", "/v1/streams"));
    await Promise.all(gone);
    done(await service.ask("GET", "/v1/streams"));
  });
});

/** A client that writes on and on, and notices by that alone when it was cut off. */
function goesOnSending(service: Running, first: string, next = "a") {
  const { hostname, port } = new URL(service.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    answer += part;
  });
  socket.write(first);
  const timer = setInterval(() => socket.write(next), 20);
  const closed = new Promise<void>((resolve) => {
    socket.on("error", () => {}).on("close", () => resolve());
  });
  const stop = (): void => {
    clearInterval(timer);
    socket.destroy();
  };
  void closed.then(stop);
  onTestFinished(stop);
  /** Sends what makes the request whole, and nothing more. */
  const goOn = (rest: string): void => {
    clearInterval(timer);
    socket.write(rest);
  };
  return { socket, closed, goOn, answer: () => answer };
}
