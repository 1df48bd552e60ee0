import type { Mistake } from '../mistake.ts';
import { labelMistakes } from '../names.ts';
import type { Hook } from '../plan/plan.ts';

const MAX_RETRIES = 10;

/** What is wrong with a hook, wherever it is called. */
export function hookMistakes(path: string, field: string, hook: Hook): Mistake[] {
  const { name, key, authority, retries, type, once, repeatable } = hook;
  const label = (of: string, text: string | undefined) =>
    text === undefined ? [] : labelMistakes(path, `${field}: ${of}`, text);
  const wrong = (isWrong: boolean, problem: string, got: unknown, remedy: string): Mistake[] =>
    isWrong ? [{ path, problem: `${field}: ${problem}`, got, remedy }] : [];
  const most = type === 'pre-rollout' || type === 'rollout' ? 3600 : 60;
  const seconds = hook.timeoutSeconds;
  return [
    ...label('name', name),
    ...urlMistakes(path, field, hook),
    ...wrong(
      !(Number.isInteger(seconds) && seconds >= 1 && seconds <= most),
      'timeout must be a whole number of seconds',
      `${seconds} s`,
      `use 1 to ${most}`,
    ),
    ...wrong(
      !(Number.isInteger(retries) && retries >= 0 && retries <= MAX_RETRIES),
      'retries must be a whole number',
      retries,
      `use 0 to ${MAX_RETRIES}`,
    ),
    ...wrong(
      type === 'rollout' && repeatable !== undefined && once !== true,
      'repeatable is of use with await alone: each check period calls the hook anew',
      repeatable,
      'leave it out, or add await: true',
    ),
    ...label('key', key),
    ...label('authority', authority),
  ];
}

function urlMistakes(path: string, field: string, { url: text, authority }: Hook): Mistake[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  // What stands in it may be a password: it is not shown.
  if (url !== undefined && (url.username !== '' || url.password !== '')) {
    const remedy = 'leave it out, and sign with a key';
    const problem = `${field}: url has a credential in it, which Git would show to every reader`;
    return [{ path, problem, remedy }];
  }
  if (url === undefined || !isHttp) {
    const remedy = 'use http://host/path or https://host/path';
    return [{ path, problem: `${field}: url is not a valid URL`, got: text, remedy }];
  }
  if (text.includes('#')) {
    const problem = `${field}: url has a fragment, which is never sent`;
    return [{ path, problem, got: text, remedy: 'leave out # and what follows' }];
  }
  if (authority !== undefined && url.protocol === 'http:') {
    const problem = `${field}: authority is of use with https alone`;
    return [{ path, problem, got: text, remedy: 'use https, or leave authority out' }];
  }
  return [];
}
