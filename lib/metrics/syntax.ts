import type { QueryProblem } from './promql.ts';

/** What a parser of PromQL says of a query without variables. */
export interface Syntax {
  /** What no reader of PromQL would take. */
  readonly problems: readonly QueryProblem[];
  /** Functions that Prometheus does not have; a store that speaks its API may. */
  readonly unknownFunctions: readonly string[];
}

/** Reads a query as Prometheus would; the grammar is loaded when the first is read. */
export async function syntaxOf(query: string): Promise<Syntax> {
  const { parser } = await import('@prometheus-io/lezer-promql');
  const firstError = (text: string): number | undefined => {
    let found: number | undefined;
    parser.parse(text).iterate({
      enter: ({ type, from }) => {
        if (type.isError) found = Math.min(found ?? from, from);
      },
    });
    return found;
  };
  const unknownFunctions: string[] = [];
  let text = query;
  for (;;) {
    const at = firstError(text);
    if (at === undefined) return { problems: [], unknownFunctions };
    const name = calledAt(text, at);
    if (name === undefined)
      return { problems: [problemAt(text, at, at + query.length - text.length)], unknownFunctions };
    unknownFunctions.push(name);
    // Any function will do: the grammar does not look at arguments.
    text = `${text.slice(0, at - name.length)}${KNOWN}${text.slice(at)}`;
  }
}

const KNOWN = 'abs';

/** The name right before a bracket that opens where none may: a function that the grammar does not know. */
function calledAt(text: string, at: number): string | undefined {
  if (text[at] !== '(') return undefined;
  const name = /[A-Za-z_]\w*$/.exec(text.slice(0, at))?.[0];
  return name === KNOWN ? undefined : name;
}

/** @param place where that is in the query as it was given */
function problemAt(text: string, at: number, place: number): QueryProblem {
  const rest = text.slice(at, at + 60).trim();
  return {
    problem: `the query is not valid PromQL at ${rest === '' ? 'its end' : `character ${place + 1}`}`,
    got: rest === '' ? text : rest,
    remedy: 'correct it; Prometheus shows such mistakes at its page /query',
  };
}
