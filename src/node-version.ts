/**
 * Imported before anything else by every entry of the library. The build writes syntax that older versions of Node
 * can read, so that they get this message and no `SyntaxError`. The command has a check of its own (`cli/main.ts`).
 */
const oldest = 24;

const { node } = process.versions;
if (Number.parseInt(node, 10) < oldest) {
  throw new Error(
    `Tidemark needs Node ${oldest} or newer, and this is Node ${node} (${process.execPath}). Install a newer Node from https://nodejs.org, or run: npx -p node@${oldest} node your-program.js`,
  );
}
