import { createSign } from 'node:crypto';
import * as z from 'zod';
import { serverTime } from '../http/answer.ts';
import { below, type Signed, send } from '../http/client.ts';
import { FileError, readText } from '../http/own-file.ts';
import { type Access, openApi, part } from './api.ts';
import { withScheme } from './credentials.ts';

/** A GitHub App, and the private key that GitHub made for it. */
export interface GithubApp {
  /** Its client id, or the number of older ones. */
  readonly id: string;
  /** A PEM file, read whenever a token is asked for. */
  readonly privateKeyFile: string;
}

/** Asked for anew before it ends; a token lives for an hour. */
const MARGIN_SECONDS = 300;
/** GitHub takes ten minutes at most, and nothing from the future: clocks differ a little. */
const LIFE_SECONDS = 540;
const BACK_SECONDS = 60;

const installation = z.object({ id: z.number().int() });
const accessToken = z.object({ token: z.string(), expires_at: z.string() });

/**
 * Logs in as the installation of an App in a repository: a token that lives for an hour and that no file holds,
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app.
 *
 * @param access without what this makes: `sign`, and what forgets a token that was taken back
 */
export function signAsApp(
  app: GithubApp,
  access: Omit<Access, 'sign' | 'rejected'>,
  repository: string,
): Pick<Access, 'sign' | 'rejected'> {
  let kept: { readonly token: string; readonly until: number } | undefined;
  const { clock } = access.tools;
  const sign = async (): Promise<Signed> => {
    if (kept === undefined || kept.until - MARGIN_SECONDS <= clock()) {
      const skewSeconds = await skew(access);
      const signAsItself = async () => withScheme('Bearer', await jwt(app, clock() + skewSeconds));
      const api = openApi({ ...access, sign: signAsItself });
      const task = `log in as the GitHub App ${app.id}`;
      const [owner = '', name = ''] = repository.split('/');
      const path = `/repos/${part(owner)}/${part(name)}/installation`;
      const { value } = await api.read({ task, path }, installation);
      const made = await api.read(
        { task, path: `/app/installations/${value.id}/access_tokens`, method: 'POST', body: {} },
        accessToken,
      );
      const lifeSeconds = Date.parse(made.value.expires_at) / 1000 - (clock() + skewSeconds);
      kept = { token: made.value.token, until: clock() + (lifeSeconds || 0) };
    }
    return withScheme('Bearer', kept.token);
  };
  const rejected = () => {
    kept = undefined;
  };
  return { sign, rejected };
}

/** By how much GitHub's clock is ahead of ours; anything that it answers tells. */
async function skew({ address, caFile, tools }: Omit<Access, 'sign'>): Promise<number> {
  const authorities = caFile === undefined ? undefined : () => readText(caFile);
  const result = await send(
    {
      method: 'HEAD',
      url: below(address, '/meta'),
      connection: { kind: 'kept', authorities },
      timeoutSeconds: tools.timeoutSeconds,
    },
    undefined,
    tools.rest,
  );
  // Who cannot be reached says so when it is asked for a token.
  const told = result.kind === 'answered' ? serverTime(result) : undefined;
  return told === undefined ? 0 : told - tools.clock();
}

/** A JSON Web Token, RS256 (RFC 7519 and 7518). @throws FileError */
async function jwt({ id, privateKeyFile }: GithubApp, now: number): Promise<string> {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const at = Math.floor(now);
  const claims = { iat: at - BACK_SECONDS, exp: at + LIFE_SECONDS, iss: id };
  const signed = `${json({ alg: 'RS256', typ: 'JWT' })}.${json(claims)}`;
  const key = await readText(privateKeyFile);
  try {
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
  } catch {
    // The error may show parts of the key.
    throw new FileError(`${privateKeyFile} does not hold a private RSA key in PEM`);
  }
}
