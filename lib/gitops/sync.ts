/** The objects that make a GitOps tool apply `live/`, one for each release under the release's id. */
export interface Sync {
  readonly tool: 'flux' | 'argo-cd';
  /** Namespace of the objects. */
  readonly namespace: string;
  /** What the analyzer reads of them, as a Role names it. */
  readonly resource: { readonly group: string; readonly name: string };
}

/** The value of `perch analyze --sync`. */
export function syncFlag({ tool, namespace }: Sync): string {
  return `${tool}:${namespace}/{release}`;
}
