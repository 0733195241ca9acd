import { saysSuccess } from "../../../http/failure-text.ts";
import { snippet } from "../../../http/failures.ts";

/** How many characters of a page are read. */
const mostLookedAt = 64 * 1024;
const tags = /<(?:!doctype html|html|head|body|title|form)\b/i;
const thanks =
  /^(?:ok|okay|success(?:ful|fully)?|done|thanks|thank you|received|accepted|queued|stored|saved|created)\b/i;
/** The longest text that can be a plain confirmation; a longer page is for people. */
const longestThanks = 60;

/** Whether a text is a page for browsers, by its beginning. */
export function isPage(text: string): boolean {
  let rest = text.slice(0, mostLookedAt).trimStart();
  for (const [start, end] of [
    ["<?", "?>"],
    ["<!--", "-->"],
  ] as const) {
    while (rest.startsWith(start) && rest.includes(end)) {
      rest = rest.slice(rest.indexOf(end) + end.length).trimStart();
    }
  }
  return /^<(?:!doctype html|html)\b/i.test(rest.slice(0, 20));
}

/**
 * The title of a page for people, or the beginning of its text, in quotes for a message. Null for a text that is not a
 * page, and for a plain confirmation such as `ok`.
 */
export function textOfPage(text: string, contentType: string): string | null {
  const page = text.slice(0, mostLookedAt);
  if (!isPage(page) && !(/^text\/html\b/i.test(contentType) && tags.test(page))) return null;
  const { title, body } = textsIn(page);
  const said = body === "" ? title : body;
  if (saysSuccess(said) || (said.length <= longestThanks && thanks.test(said))) return null;
  return snippet(title === "" ? body : title) || " without a text";
}

/** The visible text of a page. */
function textsIn(html: string): { readonly title: string; readonly body: string } {
  const lower = html.toLowerCase();
  const texts: string[] = [];
  let title = "";
  for (let at = 0; at < html.length; ) {
    const open = indexOr(html, "<", at);
    texts.push(html.slice(at, open));
    const name = unseen.find((one) => lower.startsWith(`<${one}`, open));
    const end = name === undefined ? -1 : indexOr(lower, `</${name}`, open);
    const content = indexOr(html, ">", open) + 1;
    if (name === "title") title ||= html.slice(content, end);
    at = Math.max(content, end);
  }
  return { title: oneLine([title]), body: oneLine(texts) };
}

const unseen = ["script", "style", "title"];

function indexOr(text: string, part: string, from: number): number {
  const at = text.indexOf(part, from);
  return at < 0 ? text.length : at;
}

function oneLine(texts: readonly string[]): string {
  return texts.join(" ").replace(/\s+/g, " ").trim();
}
