/** As the command starts Node: see `src/cli/main.ts`. */
export const commandFlags = ["--max-semi-space-size=8", "--heap-growing-percent=50"];
