import type { JsonObject } from '../../manifest/json.ts';
import { setCookie } from '../cookies.ts';
import type { SessionCookie } from '../traffic.ts';

/** A filter of one backend that gives a cookie to whom it answers, beside the cookies of the application. */
export function givesCookie(cookie: SessionCookie, value: string): JsonObject {
  return answersWith(setCookie(cookie, value));
}

/** A filter that ends the cookie in the browser; it does so only with the domain and path that it was given with. */
export function takesCookie(cookie: SessionCookie): JsonObject {
  return answersWith(setCookie(cookie, 'taken back'));
}

function answersWith(value: string): JsonObject {
  const add = [{ name: 'Set-Cookie', value }];
  return { type: 'ResponseHeaderModifier', responseHeaderModifier: { add } };
}
