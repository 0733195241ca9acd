import { shown } from "./terminal.ts";

/** One column of a table of items. */
export interface Column<Item> {
  readonly title: string;
  readonly text: (item: Item) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Styles the padded text; styles take no room. */
  readonly style?: (text: string, item: Item) => string;
}

const gap = "  ";

/** Formats items as lines in columns; later pages keep the widths that the first one needed. */
export class Table<Item> {
  readonly #columns: readonly Column<Item>[];
  #widths: readonly number[] | null = null;

  constructor(columns: readonly Column<Item>[]) {
    this.#columns = columns;
  }

  /** The lines of a page, with the titles above the first. */
  lines(items: readonly Item[], styleTitle: (text: string) => string): string {
    const cells = items.map((item) => this.#columns.map((column) => shown(column.text(item))));
    let text = "";
    if (this.#widths === null) {
      this.#widths = this.#columns.map(({ title }, index) =>
        Math.max(textWidth(title), ...cells.map((row) => textWidth(row[index] ?? ""))),
      );
      text = this.#line((column, pad) => styleTitle(pad(column.title)));
    }
    items.forEach((item, row) => {
      text += this.#line((column, pad, index) => {
        const padded = pad(cells[row]?.[index] ?? "");
        return column.style?.(padded, item) ?? padded;
      });
    });
    return text;
  }

  #line(cell: (column: Column<Item>, pad: (text: string) => string, index: number) => string): string {
    const parts = this.#columns.map((column, index) => {
      const pad = (text: string): string => {
        const room = " ".repeat(Math.max(0, (this.#widths?.[index] ?? 0) - textWidth(text)));
        if (column.right === true) return room + text;
        return index === this.#columns.length - 1 ? text : text + room;
      };
      return cell(column, pad, index);
    });
    return `${parts.join(gap).trimEnd()}\n`;
  }
}

/** Names and values below one another, the values in one column. */
export function formatFields(
  fields: readonly (readonly [string, string])[],
  styleName: (text: string) => string,
): string {
  const width = Math.max(...fields.map(([name]) => textWidth(name)));
  return fields
    .map(
      ([name, value]) =>
        `${styleName(name)}${" ".repeat(width - textWidth(name))}${gap}${value.replace(/\s*\n\s*/g, " ")}\n`,
    )
    .join("");
}

const narrow = /^[\u0020-\u024f]*$/;
const joinsTheLast = /^(?:[\p{Mark}\p{Cf}]|[\u{1f3fb}-\u{1f3ff}])$/u;
const wide =
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;

/** How many cells of a terminal a text takes: wide characters two, marks on others none. */
function textWidth(text: string): number {
  if (narrow.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (joinsTheLast.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** The text cut to so many cells, with `…` where something is left out. */
export function cutToWidth(text: string, most: number): string {
  if (textWidth(text) <= most) return text;
  let cut = "";
  let width = 1;
  for (const character of text) {
    width += textWidth(character);
    if (width > most) break;
    cut += character;
  }
  return `${cut}…`;
}
