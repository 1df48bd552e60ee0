import { readFile } from 'node:fs/promises';

/** Whom the API server's audit log is about: the analyzer's ServiceAccount. */
export const ANALYZER = 'system:serviceaccount:perch:perch';

/** One call, as the API server noted it. */
export interface Call {
  /** Milliseconds since 1970, when the API server got it. */
  readonly at: number;
  readonly verb: string;
  /** `deployments`, or the path of what is no resource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** How many calls there were, and how many of them change something. */
export interface Calls {
  readonly calls: number;
  readonly writes: number;
  /** `get httproutes: 12`, the most frequent first. */
  readonly kinds: readonly string[];
}

interface Entry {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
}

const READS = new Set(['get', 'list', 'watch']);

/** The analyzer's calls since a moment (milliseconds since 1970). @param path of the audit log */
export async function callsSince(path: string, since: number): Promise<readonly Call[]> {
  return parseCalls(await readFile(path, 'utf8').catch(() => '')).filter((it) => it.at >= since);
}

/** The analyzer's calls in an audit log. */
export function parseCalls(log: string): readonly Call[] {
  return log
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Entry)
    .filter((it) => it.user.username === ANALYZER && it.stage === 'ResponseComplete')
    .map(({ verb, requestURI, requestReceivedTimestamp, objectRef }) => ({
      at: Date.parse(requestReceivedTimestamp),
      verb,
      resource: objectRef?.resource ?? requestURI,
      namespace: objectRef?.namespace ?? '',
      name: objectRef?.name ?? '',
    }));
}

/** Counts calls. */
export function count(calls: readonly Call[]): Calls {
  const kinds = new Map<string, number>();
  for (const { verb, resource } of calls) {
    const kind = `${verb} ${resource}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return {
    calls: calls.length,
    writes: calls.filter((it) => !READS.has(it.verb)).length,
    kinds: [...kinds].sort(([, a], [, b]) => b - a).map(([kind, times]) => `${kind}: ${times}`),
  };
}
