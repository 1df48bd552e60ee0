/** Whether what is printed is read by people on a terminal, who have not asked for no colour. */
export function hasColor(): boolean {
  return process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
}
