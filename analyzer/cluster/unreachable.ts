/** There is no API server to be had; the message says why, without secrets. */
export class Unreachable extends Error {
  /** Who did not answer in time. */
  readonly late: string | undefined;

  constructor(message: string, late?: string) {
    super(message);
    this.late = late;
  }
}
