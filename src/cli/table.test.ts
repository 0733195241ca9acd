import { describe, expect, it } from "vitest";
import { cutToWidth, formatFields, Table } from "./table.ts";

const plain = (text: string): string => text;

describe("Table", () => {
  const columns = [
    { title: "NAME", text: ({ name }: { name: string; count: number }) => name },
    { title: "COUNT", text: ({ count }: { name: string; count: number }) => String(count), right: true },
    { title: "END", text: () => "x" },
  ];

  it("aligns columns by the cells that characters take, not by their number", () => {
    const table = new Table(columns);
    const text = table.lines(
      [
        { name: "日本語", count: 5 },
        { name: "e\u0301te\u0301", count: 1234567 },
        { name: "plain", count: 1 },
      ],
      plain,
    );
    expect(text).toBe(
      "NAME      COUNT  END\n日本語        5  x\ne\u0301te\u0301     1234567  x\nplain         1  x\n",
    );
  });

  it("keeps the first page's widths, and shows the titles once", () => {
    const table = new Table(columns);
    table.lines([{ name: "a", count: 1 }], plain);
    expect(table.lines([{ name: "longer", count: 2 }], plain)).toBe("longer      2  x\n");
  });

  it("styles cells and titles without moving the columns", () => {
    const table = new Table([
      { ...columns[0], title: "N", text: () => "ab", style: (t: string) => `<${t}>` },
      { title: "M", text: () => "c" },
    ]);
    expect(table.lines([{ name: "", count: 0 }], (title) => `*${title}*`)).toBe("*N *  *M*\n<ab>  c\n");
  });
});

describe("formatFields", () => {
  it("puts the values in one column", () => {
    expect(
      formatFields(
        [
          ["a", "1"],
          ["long", "2"],
        ],
        plain,
      ),
    ).toBe("a     1\nlong  2\n");
  });
});

describe("cutToWidth", () => {
  it.each([
    ["short", 10, "short"],
    ["exactly10!", 10, "exactly10!"],
    ["a longer text", 8, "a longe…"],
    ["日本語日本語", 7, "日本語…"],
  ])("cuts %j to %i cells", (text, most, cut) => {
    expect(cutToWidth(text, most)).toBe(cut);
  });
});
