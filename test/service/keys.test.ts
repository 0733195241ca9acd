import { describe, expect, it, vi } from "vitest";
import { memoryKeys } from "../../src/api/keys/memory.ts";
import { KeyStore } from "../../src/api/keys/store.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { done, problemIn, startService } from "./support.ts";

describe("a key", () => {
  it("ends at its time, by the service's clock", async () => {
    const clock = new FakeClock();
    const keys = new KeyStore(memoryKeys(), clock);
    const service = await startService({ keys, clock });
    const body = { scope: "read", expires_at_utc: new Date(clock.now() + 60_000).toISOString() };
    const { key, id } = done(await service.ask("POST", "/v1/keys", { body }));
    expect(done(await service.ask("GET", "/v1/key", { key: String(key) }))).toMatchObject({
      id,
      scope: "read",
    });
    await clock.advance(60_000);
    const told = problemIn(await service.ask("GET", "/v1/key", { key: String(key) }));
    expect(told).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
    expect(told.detail).toContain("expired");
  });

  it("that is revoked is refused from the next request on", async () => {
    const service = await startService();
    const { key, id } = done(await service.ask("POST", "/v1/keys", { body: { scope: "run" } }));
    done(await service.ask("GET", "/v1/streams", { key: String(key) }));
    expect(done(await service.ask("POST", `/v1/keys/${id}/revoke`))).toMatchObject({ id });
    expect(done(await service.ask("POST", `/v1/keys/${id}/revoke`))).toMatchObject({ id });
    expect(problemIn(await service.ask("GET", "/v1/streams", { key: String(key) })).detail).toContain(
      "revoked",
    );
  });

  it("whose secret is wrong by one character is unknown, and reported as one that never was", async () => {
    const service = await startService();
    const key = await service.key("read");
    const changed = key.slice(0, -2) + (key.at(-2) === "A" ? "B" : "A") + key.at(-1);
    const never = `tmk_${"0".repeat(16)}_${key.slice(-43)}`;
    const [a, b] = [
      problemIn(await service.ask("GET", "/v1/key", { key: changed })),
      problemIn(await service.ask("GET", "/v1/key", { key: never })),
    ];
    expect({ ...a, request_id: "" }).toEqual({ ...b, request_id: "" });
  });

  it("P14: shows in no log line, no list and no error", async () => {
    const service = await startService();
    const { key } = done(await service.ask("POST", "/v1/keys", { body: { scope: "read", name: "n" } }));
    const secret = String(key).slice(-43);
    const answers = [
      await service.ask("GET", "/v1/keys"),
      await service.ask("GET", "/v1/keys/audit"),
      await service.ask("GET", "/v1/nowhere", { key: String(key) }),
      await service.ask("POST", "/v1/streams/a/b/begin", { key: String(key) }),
      await service.ask("GET", "/v1/streams", { headers: { authorization: `Bearer x${key}` } }),
    ];
    const shown = JSON.stringify([answers.map(({ text }) => text), service.logged]);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain("secret_sha256");
  });

  it("is the actor of what is done with it, whatever the request says", async () => {
    const service = await startService();
    const { key, id } = done(await service.ask("POST", "/v1/keys", { body: { scope: "admin" } }));
    const body = { reason: "test", actor: "somebody else", cursor_type: "text" };
    await service.ask("POST", "/v1/streams/a/b/reset", { key: String(key), body });
    const { items } = await service.state.audit();
    expect(items.map(({ actor }) => actor)).toEqual([id]);
  });

  it("is remembered as used, without a write for each request", async () => {
    const service = await startService();
    const touch = vi.spyOn(service.keys, "touch");
    for (let n = 0; n < 5; n++) await service.ask("GET", "/v1/streams");
    expect(touch).toHaveBeenCalledTimes(1);
    const [used] = await service.keys.list();
    expect(used?.lastUsedAtUtc).not.toBeNull();
  });
});

describe("too many requests", () => {
  it("by one key are put off, and other keys are not", async () => {
    const clock = new FakeClock();
    const limits = { perKey: { burst: 3, perSecond: 1 }, failures: { burst: 100, perSecond: 1 } };
    const service = await startService({ clock, limits });
    for (let n = 0; n < 3; n++) done(await service.ask("GET", "/v1/streams"));
    const put = await service.ask("GET", "/v1/streams");
    expect(problemIn(put)).toMatchObject({ status: 429, code: "RATE_LIMITED", recoverable: true });
    expect(put.headers.get("retry-after")).toBe("1");
    done(await service.ask("GET", "/v1/streams", { key: await service.key("read") }));
    await clock.advance(1000);
    done(await service.ask("GET", "/v1/streams"));
  });

  it("without any key each get an error that says so, and count for nothing", async () => {
    const limits = { perKey: { burst: 100, perSecond: 1 }, failures: { burst: 1, perSecond: 0.1 } };
    const service = await startService({ limits });
    for (let n = 0; n < 5; n++) {
      const answered = await service.ask("GET", "/v1/streams", { headers: { authorization: "" } });
      expect(problemIn(answered)).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
    }
  });

  it("that fail put the address off, but nobody who has a good key, seen before or not", async () => {
    const clock = new FakeClock();
    const limits = { perKey: { burst: 100, perSecond: 1 }, failures: { burst: 3, perSecond: 0.1 } };
    const service = await startService({ clock, limits });
    const fresh = await service.key("read");
    done(await service.ask("GET", "/v1/streams"));
    for (let n = 0; n < 3; n++) {
      expect((await service.ask("GET", "/v1/streams", { key: "wrong" })).status).toBe(401);
    }
    const find = vi.spyOn(service.keys, "find");
    const put = await service.ask("GET", "/v1/streams", { key: "wrong" });
    expect(problemIn(put)).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    expect(put.headers.get("retry-after")).toBe("10");
    expect(find).not.toHaveBeenCalled();
    const forged = await service.ask("GET", "/v1/streams", { key: `${fresh.slice(0, -3)}AAA` });
    expect(problemIn(forged)).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    done(await service.ask("GET", "/v1/streams", { key: fresh }));
    done(await service.ask("GET", "/v1/streams"));
    await clock.advance(10_000);
    expect((await service.ask("GET", "/v1/streams", { key: "wrong" })).status).toBe(401);
  });
});
