/** A selector with its window, once its strings are empty. */
const RANGE =
  /^[a-zA-Z_:][\w:]*\{(?:[a-zA-Z_]\w*(?:=~|!~|!=|=)""(?:,(?=[a-zA-Z_])|(?=\})))+\}\[\d+s\]$/;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** What keeps a text from being PromQL, as far as brackets, strings, selectors and expressions tell; else undefined. */
export function promqlFault(text: string): string | undefined {
  if (text.includes('{{')) return 'a variable is not filled in';
  const strings = [...text.matchAll(/(=~|!~)"((?:[^"\\]|\\.)*)"/g)];
  const wrong = strings.find(([, , pattern = '']) => !isExpression(pattern));
  if (wrong !== undefined) return `${wrong[0]} is not an expression`;
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  if (/"/.test(bare.replace(/""/g, ''))) return 'a string is not closed';
  const selectors = bare.match(/[\w:]*\{[^}]*\}(?:\[[^\]]*\])?/g) ?? [];
  const odd = selectors.find((it) => !RANGE.test(it));
  if (odd !== undefined) return `${odd} selects no series of a window`;
  if (selectors.length === 0) return 'it selects nothing';
  return isBalanced(bare) ? undefined : 'its brackets are not balanced';
}

function isExpression(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`) instanceof RegExp;
  } catch {
    return false;
  }
}

function isBalanced(text: string): boolean {
  const open: string[] = [];
  for (const it of text) {
    const closing = CLOSING[it];
    if (closing !== undefined) open.push(closing);
    else if (Object.values(CLOSING).includes(it) && open.pop() !== it) return false;
  }
  return open.length === 0;
}
