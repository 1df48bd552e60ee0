import type { Reproof } from '../../mistake.ts';

/** What is wrong with hosts: a request's Host header holds no scheme and no path. */
export function hostMistakes(hosts: readonly string[] = []): readonly Reproof[] {
  return hosts.flatMap((got, index) => {
    if (isHost(got)) return [];
    // What is left of an address without its scheme, port and path may be what was meant.
    const name = got
      .trim()
      .replace(/^[a-z]+:\/\//i, () => '')
      .replace(/[:/?#].*$/, () => '');
    const remedy =
      name !== got && isHost(name)
        ? `write ${name}`
        : 'write a DNS name, such as shop.example.com or *.example.com';
    return [{ problem: `traffic.hosts[${index}] is not the name of a host`, got, remedy }];
  });
}

function isHost(text: string): boolean {
  const isAddress = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text);
  return text === '*' || isAddress || isDnsName(text.replace(/^\*\./, () => ''));
}

/** Labels with dots between them. */
export function isDnsName(text: string): boolean {
  return text.split('.').every((it) => /^[a-z0-9](?:[-a-z0-9_]*[a-z0-9])?$/i.test(it));
}
