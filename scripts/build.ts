import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeBundle } from "./bundle.ts";
import { writeLicences } from "./licences.ts";

/** Builds `dist/` for publishing: the library, the command, and the declarations of what is public. */
const root = fileURLToPath(new URL("..", import.meta.url));
const dist = fileURLToPath(new URL("../dist", import.meta.url));

rmSync(dist, { recursive: true, force: true });
const output = await writeBundle(dist, {
  index: "src/index.ts",
  "service/index": "src/api/service/index.ts",
  "testing/index": "testing/index.ts",
  "cli/main": "src/cli/main.ts",
});
writeLicences(dist, output);
copyViewer();
chmodSync(new URL("../dist/cli/main.js", import.meta.url), 0o755);

/** The viewer of the service's `/docs`, which `src/api/docs/viewer-files.ts` reads. */
function copyViewer(): void {
  const from = join(root, "node_modules/swagger-ui-dist");
  const to = join(dist, "swagger-ui");
  mkdirSync(to);
  for (const file of [
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
    "LICENSE",
    "NOTICE",
  ]) {
    copyFileSync(join(from, file), join(to, file));
  }
}

const { status } = spawnSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
