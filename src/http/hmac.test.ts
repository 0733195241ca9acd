import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { openTestClient } from "../../test/support/http-client.ts";
import { type HttpHandler, startHttpServer } from "../../test/support/http-server.ts";
import { type Authentication, httpSettingsSchema } from "./schema.ts";

const signal = new AbortController().signal;
const taking: HttpHandler = (_, response) => void response.end();

type Hmac = Extract<Authentication, { type: "hmac" }>;

function settings(
  authentication: Record<string, unknown>,
  headers: Record<string, string> = {},
): { authentication: Hmac; headers: Record<string, string> } {
  const parsed = httpSettingsSchema.parse({
    authentication: { type: "hmac", header: "X-Signature", secret: "s3cret-key", ...authentication },
    headers,
  });
  if (parsed.authentication?.type !== "hmac") throw new Error("it is one");
  return { authentication: parsed.authentication, headers };
}

/** The headers that a request with this body is sent with. */
async function headersOf(
  authentication: Record<string, unknown>,
  {
    body = "",
    path = "/",
    at = 0,
    headers = {},
  }: { body?: string; path?: string; at?: number; headers?: Record<string, string> },
) {
  await using server = await startHttpServer(taking);
  const { client, clock } = await openTestClient(server.origin, settings(authentication, headers));
  if (at > 0) clock.advance(at - clock.now());
  await client.request({ method: "POST", url: new URL(path, server.origin), body, signal });
  await client.close();
  return { headers: server.seen[0]?.headers ?? {}, origin: server.origin };
}

const hex = (text: string): string => createHmac("sha256", "s3cret-key").update(text).digest("hex");

describe("a request is signed", () => {
  test("as GitHub does it: GitHub's own example", async () => {
    const github = { header: "X-Hub-Signature-256", secret: "It's a Secret to Everybody", prefix: "sha256=" };
    const { headers } = await headersOf(github, { body: "Hello, World!" });
    expect(headers["x-hub-signature-256"]).toBe(
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    );
  });

  test("as Slack does it: Slack's own example", async () => {
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const slack = {
      secret: "8f742231b10e8888abcd99yyyzzz85a5",
      header: "X-Slack-Signature",
      sign: "v0:{{ timestamp }}:{{ body }}",
      prefix: "v0=",
      timestampHeader: "X-Slack-Request-Timestamp",
    };
    const { headers } = await headersOf(slack, { body, at: 1_531_420_618_000 });
    expect(headers).toMatchObject({
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    });
  });

  test("as Stripe and Shopify do it", async () => {
    const stripe = {
      header: "Stripe-Signature",
      sign: "{{ timestamp }}.{{ body }}",
      headerText: "t={{ timestamp }},v1={{ signature }}",
    };
    const signed = await headersOf(stripe, { body: '{"ä":1}', at: 1_700_000_000_500 });
    expect(signed.headers["stripe-signature"]).toBe(`t=1700000000,v1=${hex('1700000000.{"ä":1}')}`);
    const shopify = { header: "X-Shopify-Hmac-Sha256", encoding: "base64" };
    const { headers } = await headersOf(shopify, { body: "x" });
    expect(headers["x-shopify-hmac-sha256"]).toBe(
      createHmac("sha256", "s3cret-key").update("x").digest("base64"),
    );
  });

  test("over method, path, query, host and other headers, with a key that is written in base64", async () => {
    const custom = {
      secret: Buffer.from("s3cret-key").toString("base64"),
      keyEncoding: "base64",
      sign: "{{ method }}\n{{ path }}{{ query }}\n{{ host }}\n{{ header.webhook-id }}\n{{ timestamp }}",
      timestampHeader: "X-Time",
      timestampFormat: "iso8601",
    };
    const { headers, origin } = await headersOf(custom, {
      path: "/a%20b?x=1&y=%2F",
      headers: { "Webhook-Id": "m1" },
      at: 1_800_000_000_000,
    });
    const time = "2027-01-15T08:00:00.000Z";
    expect(headers["x-time"]).toBe(time);
    expect(headers["x-signature"]).toBe(hex(`POST\n/a%20b?x=1&y=%2F\n${new URL(origin).host}\nm1\n${time}`));
  });

  test("anew at each attempt, with the time of that attempt", async () => {
    let count = 0;
    await using server = await startHttpServer(
      (_, response) => void response.writeHead(++count < 3 ? 503 : 200, { "retry-after": "2" }).end(),
    );
    const signed = settings({
      sign: "{{ timestamp }}",
      timestampHeader: "X-Time",
      timestampFormat: "milliseconds",
    });
    const { client } = await openTestClient(server.origin, signed);
    await client.request({ method: "POST", url: new URL(server.origin), body: "x", signal });
    await client.close();
    const times = server.seen.map(({ headers }) => String(headers["x-time"]));
    expect(new Set(times).size).toBe(3);
    expect(server.seen.map(({ headers }) => headers["x-signature"])).toEqual(times.map(hex));
  });
});

test("P14: another origin that a redirect leads to is sent no signature", async () => {
  await using other = await startHttpServer(taking);
  await using server = await startHttpServer(
    (_, response) => void response.writeHead(302, { location: other.origin }).end(),
  );
  const { client } = await openTestClient(server.origin, settings({}));
  await client.request({ method: "GET", url: new URL(server.origin), signal });
  await client.close();
  expect(server.seen[0]?.headers["x-signature"]).toBe(hex(""));
  expect(other.seen[0]?.headers["x-signature"]).toBeUndefined();
});

test("a signed header that is not sent is an error, and no request is made", async () => {
  await expect(headersOf({ sign: "{{ header.x-id }}" }, {})).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    message: expect.stringContaining("names the header `x-id`"),
  });
});

test.each<[string, Record<string, unknown>, string]>([
  ["a part that there is none of", { sign: "{{ payload }}" }, "`{{ payload }}` is none of `{{ body }}`"],
  ["a text without the signature", { headerText: "v1" }, "needs `{{ signature }}`"],
  ["a prefix twice", { prefix: "a", headerText: "a{{ signature }}" }, "keep one of them"],
  ["a time that nothing sends", { sign: "{{ timestamp }}" }, "that nothing sends"],
  ["a time that is not signed", { timestampHeader: "X-Time" }, "anyone could change it"],
  ["a key in another encoding", { keyEncoding: "hex" }, "is not hex"],
  ["a header that is none", { header: "a b" }, "not the name of a header"],
])("refused: %s", (_, keys, message) => {
  const parsed = httpSettingsSchema.safeParse({
    authentication: { type: "hmac", header: "X-Signature", secret: "s3cret-key", ...keys },
  });
  expect(parsed.error?.issues.map((issue) => issue.message).join()).toContain(message);
  expect(parsed.error?.message).not.toContain("s3cret-key");
});
