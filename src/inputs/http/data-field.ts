/** Whether the way to the records leads through a path: what is there is then no report of a failure. */
export function liesOn(path: string, dataField: string | undefined): boolean {
  return dataField === path || (dataField?.startsWith(`${path}.`) ?? false);
}
