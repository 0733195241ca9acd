import { describe, expect, test } from "vitest";
import { simulatedIncremental } from "../../../testing/simulated-source.ts";
import type { ResumePoint } from "../../model/position.ts";
import { ResumePlace } from "./resume-place.ts";

const token: ResumePoint = { kind: "token", token: "abc" };
const link: ResumePoint = { kind: "link", token: "https://source.example.com/?page=2" };
const page: ResumePoint = { kind: "page", token: "2" };

const placeOf = (resume: "token" | "page", start: ResumePoint | null = null): ResumePlace =>
  new ResumePlace(simulatedIncremental({ order: "unordered", resume }), start);

describe("where an unfinished window is read on", () => {
  test.each([token, link])("a token or a link is kept: $kind", (next) => {
    const place = placeOf("token");
    expect(place.follow(next, false)).toBe(true);
    expect([place.at, place.isBehind]).toEqual([next, true]);
  });

  test("pages shift, so a page number is kept only with `resume: page`", () => {
    const tokens = placeOf("token");
    expect(tokens.follow(page, false)).toBe(false);
    expect(tokens.at).toBeNull();
    const pages = placeOf("page");
    expect(pages.follow(page, false)).toBe(true);
    expect(pages.at).toEqual(page);
  });

  test("the last page has no next one, and is read again from where it began", () => {
    const place = placeOf("token");
    place.follow(token, false);
    expect(place.follow(null, false)).toBe(false);
    expect([place.at, place.isBehind]).toEqual([token, false]);
  });

  test("a read in ascending order goes on from its watermark", () => {
    const place = placeOf("token", token);
    expect(place.follow(link, true)).toBe(false);
    expect(place.at).toBeNull();
  });
});
