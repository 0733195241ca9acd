/** Whether a column can be named in settings that take a path: its dots part names, and none of these may be empty. */
export function canBeNamed(column: string): boolean {
  return !column.split(".").includes("") && !/\\[.\\]/.test(column);
}

/** A name as YAML takes it inside a map of one line. */
export function yamlText(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_. -]*$/u.test(name) &&
    !/^(?:true|false|null|yes|no|on|off|y|n|nan)$/i.test(name) &&
    !/\s$/.test(name)
    ? name
    : JSON.stringify(name);
}
