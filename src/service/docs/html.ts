export function docsHtml(document: unknown): string {
  return JSON.stringify(document);
}
