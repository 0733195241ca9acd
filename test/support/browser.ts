import chromium from "@sparticuz/chromium";
import { type Browser, chromium as playwright } from "playwright-core";
import { onTestFinished } from "vitest";

/** A real browser without a window, closed with the test. */
export async function openBrowser(): Promise<Browser> {
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    // One process for all pages is for functions in the cloud; it ends with the first page.
    args: chromium.args.filter((arg) => arg !== "--single-process" && arg !== "--no-zygote"),
    headless: true,
  });
  onTestFinished(() => browser.close());
  return browser;
}
