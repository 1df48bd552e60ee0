import type { RequestMatch, TextMatch } from '../../../lib/index.ts';
import type { Request } from './istio-mesh.ts';

/** What a server finds in a Cookie header (RFC 6265, section 5.4): names, with their values. */
export function cookiesIn(header: string | undefined): readonly (readonly [string, string])[] {
  return (header ?? '').split(';').flatMap((it) => {
    const pair = it.replace(/^[ \t]+|[ \t]+$/g, '');
    const at = pair.indexOf('=');
    return at < 0 ? [] : [[pair.slice(0, at), pair.slice(at + 1)] as const];
  });
}

/** Whether a text is as asked for. */
export function textHolds(asked: TextMatch, text: string | undefined): boolean {
  if (text === undefined) return false;
  if ('exact' in asked) return text === asked.exact;
  if ('prefix' in asked) return text.startsWith(asked.prefix);
  return new RegExp(`^(?:${asked.regex})$`).test(text);
}

/** Whether a request has all that is asked for. */
export function requestHolds(asked: RequestMatch, request: Request): boolean {
  const { path = '/', method = 'GET', headers = {}, query = {}, labels = {} } = request;
  const cookies = cookiesIn(headers.cookie);
  const all = (texts: Readonly<Record<string, TextMatch>> | undefined, given: typeof headers) =>
    Object.entries(texts ?? {}).every(([name, it]) => textHolds(it, given[name]));
  return (
    (asked.path === undefined || textHolds(asked.path, path)) &&
    (asked.method === undefined || asked.method === method) &&
    all(asked.headers, headers) &&
    all(asked.queryParams, query) &&
    Object.entries(asked.cookies ?? {}).every(([name, it]) =>
      cookies.some(([other, value]) => other === name && textHolds(it, value)),
    ) &&
    Object.entries(asked.sourceLabels ?? {}).every(([key, it]) => labels[key] === it)
  );
}
