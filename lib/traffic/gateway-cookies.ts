import type { JsonObject } from '../json.ts';
import type { SessionCookie } from './traffic.ts';

/** A filter of one backend that gives a cookie to whom it answers, beside the cookies of the application. */
export function givesCookie(cookie: SessionCookie, value: string): JsonObject {
  const seconds = cookie.maxAge?.toSeconds() ?? DAY_SECONDS;
  return answersWith(cookieText(cookie, value, seconds));
}

/** A filter that ends the cookie in the browser; it does so only with the domain and path that it was given with. */
export function takesCookie(cookie: SessionCookie): JsonObject {
  return answersWith(cookieText(cookie, '', 0));
}

const DAY_SECONDS = 86_400;

function answersWith(value: string): JsonObject {
  const add = [{ name: 'Set-Cookie', value }];
  return { type: 'ResponseHeaderModifier', responseHeaderModifier: { add } };
}

/** Set-Cookie as RFC 6265 writes it. */
function cookieText(it: SessionCookie, value: string, maxAgeSeconds: number): string {
  return [
    `${it.name}=${value}`,
    `Max-Age=${maxAgeSeconds}`,
    ...(it.domain === undefined ? [] : [`Domain=${it.domain}`]),
    ...(it.path === undefined ? [] : [`Path=${it.path}`]),
    ...(it.sameSite === undefined ? [] : [`SameSite=${it.sameSite}`]),
    ...(it.secure === true ? ['Secure'] : []),
    ...(it.httpOnly === true ? ['HttpOnly'] : []),
    ...(it.partitioned === true ? ['Partitioned'] : []),
  ].join('; ');
}
