/** Text as it stands in HTML. */
export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A line of prose, with `code` and **emphasis**. */
export function prose(text: string): string {
  return escaped(text)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>");
}

/** Paragraphs of prose, which empty lines part. */
export function paragraphs(text: string): string {
  return text
    .split(/\n{2,}/)
    .map((part) => `<p>${prose(part.replaceAll("\n", " "))}</p>`)
    .join("\n");
}

/** A block of code that can be copied. */
export function codeBlock(text: string, label: string): string {
  return `<figure class="code"><figcaption>${escaped(label)}<button type="button" class="copy">Copy</button></figcaption><pre tabindex="0"><code>${escaped(text)}</code></pre></figure>`;
}

/** JSON with its names and values told apart. */
export function jsonBlock(value: unknown, label: string): string {
  const text = escaped(JSON.stringify(value, null, 2));
  const coloured = text
    .replace(/^(\s*)(&quot;(?:(?!&quot;).)*&quot;):/gm, '$1<span class="name">$2</span>:')
    .replace(/: (-?\d[\d.eE+-]*|true|false|null)(,?)$/gm, ': <span class="literal">$1</span>$2');
  return `<figure class="code"><figcaption>${escaped(label)}<button type="button" class="copy">Copy</button></figcaption><pre tabindex="0"><code>${coloured}</code></pre></figure>`;
}
