import { expect, test } from "vitest";
import { openBrowser } from "../support/browser.ts";
import { startService } from "./support.ts";

test("the page of the API is whole in a browser: every route, nothing from elsewhere, no error, in light and in dark", async () => {
  const service = await startService();
  const newContext = await openBrowser();
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await newContext({ colorScheme, viewport: { width: 1100, height: 900 } });
    const page = await context.newPage();
    const elsewhere: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(service.url)) elsewhere.push(request.url());
    });
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${service.url}/docs`);
    expect(await page.title()).toContain("Tidemark");
    await page.locator(".opblock").first().waitFor();
    const text = await page.locator("body").textContent();
    for (const route of [
      "begin",
      "checkpoint",
      "heartbeat",
      "complete",
      "fail",
      "reset",
      "rewind",
      "audit",
    ]) {
      expect(text).toContain(route);
    }
    expect(elsewhere).toEqual([]);
    expect(errors).toEqual([]);
    const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBeLessThanOrEqual(0);
    await context.close();
  }
});
