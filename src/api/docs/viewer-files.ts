import { existsSync, readFileSync } from "node:fs";
import { TidemarkError } from "../../errors.ts";

/** The files of Swagger UI that the page loads, each with its media type. */
export const viewerFiles = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
} as const;
export type ViewerFile = keyof typeof viewerFiles;

/** Below the package's folder: where a checkout has the viewer installed, and where the build puts it. */
const folders = ["node_modules/swagger-ui-dist", "dist/swagger-ui"];

/** Reads a file of the viewer from the package itself. Throws `INTERNAL` where the package lacks it. */
export function readViewerFile(name: ViewerFile): Uint8Array<ArrayBuffer> {
  const root = new URL("./", import.meta.resolve("tidemark/package.json"));
  for (const folder of folders) {
    const file = new URL(`${folder}/${name}`, root);
    if (existsSync(file)) return new Uint8Array(readFileSync(file));
  }
  throw new TidemarkError("INTERNAL", `the package has no ${name}: it is not in ${folders.join(" or ")}`);
}
