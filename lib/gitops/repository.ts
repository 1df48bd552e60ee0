import * as z from 'zod';
import type { Reproof } from '../mistake.ts';
import { fields } from '../props/fields.ts';

/** One branch of a Git repository. */
export interface Repository extends z.infer<typeof repository> {}

/** The schema of `Repository`. */
export const repository = fields({
  /** `https://…`, `ssh://…` or `git@host:path`; never with a password or token in it. */
  url: z.string(),
  /** @default 'main' */
  branch: z.string().optional(),
});

/** The branch, with its default. */
export function branchOf(repository: Repository): string {
  return repository.branch ?? 'main';
}

/** What is wrong with the address of something on the network; Git shows it to every reader. */
export function addressMistakes(field: string, address: string): Reproof[] {
  const url = urlOf(address);
  if (url === undefined)
    return [
      {
        problem: `${field} is not a valid address`,
        ...shown(address),
        remedy: 'use https://host/path, or for Git also ssh://host/path or git@host:path',
      },
    ];
  if (url.password === '' && (url.username === '' || url.protocol === 'ssh:')) return [];
  return [
    {
      problem: `${field} has a credential in it, which Git would show to every reader`,
      remedy: 'leave it out, and name the Secret that has it',
    },
  ];
}

/** The same of an address that is asked over HTTP alone. */
export function httpAddressMistakes(field: string, address: string): Reproof[] {
  if (!/^https?:/.test(urlOf(address)?.protocol ?? ''))
    return [
      {
        problem: `${field} is not an http:// or https:// URL`,
        ...shown(address),
        remedy: 'use https://host/path',
      },
    ];
  const mistakes = addressMistakes(field, address);
  if (mistakes.length > 0 || !/^[^?#]*@/.test(address)) return mistakes;
  return [
    {
      problem: `${field} has an @ in its path, which could be the end of a password`,
      remedy: 'write it as %40',
    },
  ];
}

/** What was got, unless it may hold a credential: mistakes are printed into logs. */
function shown(address: string): Pick<Reproof, 'got'> {
  return /[@?]/.test(address) ? {} : { got: address };
}

/** The TCP port of an address; of one that is wrong, that of HTTPS. */
export function portOf(address: string): number {
  const url = urlOf(address);
  if (url === undefined) return 443;
  if (url.port !== '') return Number(url.port);
  return { 'ssh:': 22, 'http:': 80 }[url.protocol] ?? 443;
}

const SCP = /^([\w.-]+@)?([\w.-]+):(?!\/\/)(\S+)$/;

function urlOf(address: string): URL | undefined {
  const scp = SCP.exec(address);
  const text = scp === null ? address : `ssh://${scp[1] ?? ''}${scp[2]}/${scp[3]}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^(?:https?|ssh):$/.test(url.protocol) ? url : undefined;
}
