/** What is wrong with a query's text, and what to do about it. */
export interface QueryProblem {
  readonly problem: string;
  readonly got: string;
  readonly remedy: string;
}

/** A query with every variable filled in, or what keeps it from being so. */
export type Filled =
  | { readonly kind: 'filled'; readonly query: string }
  | { readonly kind: 'wrong'; readonly problems: readonly QueryProblem[] };

/** Why a variable has no value. */
interface Lack {
  /** Ends a sentence. */
  readonly because: string;
  readonly remedy: string;
}

/**
 * PromQL's own tokens as far as variables care: strings in three quotes, comments, and variables outside of
 * both. Source: https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals
 */
const TOKENS =
  /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|`[^`]*`|#[^\n]*|\{\{[^{}]*\}\}|["'`]|\{\{/g;
const VARIABLE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/**
 * Fills the variables `{{name}}` of a query. Inside a string a value is escaped for that string's quotes;
 * outside of strings only a number, a duration or an identifier may stand.
 *
 * @param lacking variables that others have, and why there is nothing that they could stand for
 */
export function fill(
  query: string,
  variables: Readonly<Record<string, string>>,
  lacking: Readonly<Record<string, Lack>> = {},
): Filled {
  const problems: QueryProblem[] = [];
  const filledIn = (name: string, quote: string) => {
    const lack = Object.hasOwn(lacking, name) ? lacking[name] : undefined;
    if (lack === undefined) return value(name, quote, variables, problems);
    const { because, remedy } = lack;
    problems.push({ problem: `variable ${name} has no value: ${because}`, got: query, remedy });
    return '';
  };
  const filled = query.replace(TOKENS, (token) => {
    const quote = token.charAt(0);
    if (token.length > 1 && isQuote(quote))
      return token.replace(VARIABLE, (_, name: string) => filledIn(name, quote));
    if (token === '{{') problems.push(unclosed(query));
    else if (token.startsWith('{{'))
      return token.replace(VARIABLE, (_, name: string) => filledIn(name, 'none'));
    else if (isQuote(token)) problems.push(unquoted(query));
    return token;
  });
  return problems.length === 0 ? { kind: 'filled', query: filled } : { kind: 'wrong', problems };
}

function value(
  name: string,
  quote: string,
  variables: Readonly<Record<string, string>>,
  problems: QueryProblem[],
): string {
  const found = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (found === undefined) {
    problems.push({
      problem: 'unknown PromQL variable',
      got: name,
      remedy: `use one of ${Object.keys(variables).sort().join(', ')}, or add it to variables`,
    });
    return '';
  }
  const problem = unfit(name, found, quote);
  if (problem !== undefined) problems.push(problem);
  return quote === '"' || quote === "'" ? escaped(found, quote) : found;
}

function unfit(name: string, found: string, quote: string): QueryProblem | undefined {
  if (quote === '`' && found.includes('`'))
    return {
      problem: `variable ${name} cannot stand between backquotes`,
      got: found,
      remedy: 'use double quotes',
    };
  if (
    quote === 'none' &&
    !/^(?:[A-Za-z_:][A-Za-z0-9_:]*|-?[0-9.]+(?:e-?[0-9]+)?|(?:[0-9]+(?:ms|[smhdwy]))+)$/.test(found)
  )
    return {
      problem: `variable ${name} stands outside of quotes and is not a number, duration or identifier`,
      got: found,
      remedy: 'put it into double quotes',
    };
  return undefined;
}

/** Go's escapes, as PromQL reads them. */
function escaped(found: string, quote: string): string {
  return JSON.stringify(found)
    .slice(1, -1)
    .replaceAll('\\"', quote === '"' ? '\\"' : '"')
    .replaceAll("'", quote === "'" ? "\\'" : "'");
}

function isQuote(it: string): boolean {
  return it === '"' || it === "'" || it === '`';
}

function unclosed(query: string): QueryProblem {
  return { problem: 'a variable is not closed', got: query, remedy: 'write {{name}}' };
}

function unquoted(query: string): QueryProblem {
  return { problem: 'a string in the query is not closed', got: query, remedy: 'close its quotes' };
}
