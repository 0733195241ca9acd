import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeText } from "./decode.ts";

const json = "application/json";
const latin = Buffer.from('["r\u00e9duit", "Au\u00dfen 5 \u00b0C"]', "latin1");
const whole = '["r\u00e9duit", "Au\u00dfen 5 \u00b0C"]';
const unicode = Buffer.from(whole, "utf8");

describe("an answer's character set", () => {
  test.each<[string, Buffer, string, string | undefined]>([
    ["UTF-8 without a label", unicode, json, undefined],
    ["UTF-8 behind its mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), unicode]), json, undefined],
    ["UTF-8 that is labelled ISO-8859-1", unicode, `${json}; charset=ISO-8859-1`, undefined],
    ["UTF-8 that is labelled windows-1252", unicode, `${json};charset="windows-1252"`, undefined],
    ["UTF-8 that is labelled utf8mb4", unicode, `${json}; charset=utf8mb4`, undefined],
    ["UTF-8 that is labelled binary", unicode, `${json}; charset=binary`, undefined],
    ["UTF-8 from a source of which windows-1252 is declared", unicode, json, "windows-1252"],
    ["Latin 1 by its label", latin, `${json}; charset=ISO-8859-1`, undefined],
    ["Latin 1 by what is declared", latin, json, "windows-1252"],
    ["Latin 1 by what is declared, whatever the label", latin, `${json}; charset=utf-8`, "iso-8859-1"],
    ["UTF-16 by its mark", Buffer.from(`\ufeff${whole}`, "utf16le"), json, undefined],
    ["UTF-16 by its label", Buffer.from(whole, "utf16le"), `${json}; charset=utf-16le`, undefined],
  ])("%s is read as it is meant", (_name, bytes, contentType, declared) => {
    expect(decodeText(bytes, contentType, declared)).toEqual({ text: whole, problem: null });
  });

  test("a label that is not a Latin one is kept to, also where the bytes could be UTF-8", () => {
    const gbk = Buffer.from([0xc1, 0xaa, 0xcd, 0xa8]);
    expect(decodeText(gbk, "text/plain; charset=gbk").text).toBe("\u8054\u901a");
  });

  test.each<[string, Buffer, string, string, string]>([
    ["no label", latin, json, "is not UTF-8, and names no other", "encoding: windows-1252"],
    ["the label UTF-8", latin, `${json}; charset=utf-8`, "says that it is `utf-8`", "encoding"],
    ["an unknown label", latin, `${json}; charset=binary`, "says that it is `binary`", "encoding"],
    [
      "a label that it is not",
      Buffer.from([0x22, 0x81, 0x22]),
      "x; charset=shift_jis",
      "`shift_jis`",
      "encoding",
    ],
    ["a gzip payload", zlib.gzipSync("[]"), "application/octet-stream", "it is gzip data", "plain JSON"],
  ])(
    "text that cannot be read under %s is a problem that says what to do",
    (_name, bytes, type, message, hint) => {
      expect(decodeText(bytes, type).problem).toMatchObject({
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      });
    },
  );
});
