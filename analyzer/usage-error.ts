/** What a person named cannot be used: a file, a release or a step that is not there, or says nothing that is understood. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** The error for a release that nobody knows. */
export function noRelease(id: string, known: readonly { readonly id: string }[]): UsageError {
  const names = known.map((it) => it.id).join(', ') || 'none';
  return new UsageError(`there is no release "${id}"; there are: ${names}`);
}
