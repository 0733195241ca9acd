/** Whether a path is on the way to the records, so that its value does not report a failure. */
export function liesOn(path: string, dataField: string | undefined): boolean {
  return dataField === path || (dataField?.startsWith(`${path}.`) ?? false);
}
