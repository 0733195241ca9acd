import chromium from "@sparticuz/chromium";
import { type BrowserContext, type BrowserContextOptions, chromium as playwright } from "playwright-core";
import { onTestFinished } from "vitest";

/** How long a step of the browser may take: on a busy machine many times what it takes else. */
const patienceMs = 240_000;

/** A real browser without a window, closed with the test; gives a new page's surroundings. */
export async function openBrowser(): Promise<(options: BrowserContextOptions) => Promise<BrowserContext>> {
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    // One process for all pages is for functions in the cloud; it ends with the first page.
    args: chromium.args.filter((arg) => arg !== "--single-process" && arg !== "--no-zygote"),
    headless: true,
    timeout: patienceMs,
  });
  onTestFinished(() => browser.close());
  return async (options) => {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(patienceMs);
    return context;
  };
}
