import { type Json, type JsonObject, listAt } from '../../manifest/json.ts';
import type { Reproof } from '../../mistake.ts';
import type { RouterContext } from '../router.ts';
import { isHost, type NamedRule } from './routes.ts';

/**
 * Conditions on a port by which no request comes. Within the mesh a request for the apex Service comes by one of its
 * ports; a gateway has others, and so may hosts that are no Service's: of these nothing is known.
 *
 * @param edge hosts and gateways of the VirtualService
 */
export function portMistakes(
  edge: JsonObject,
  rules: readonly NamedRule[],
  { names, ports }: Pick<RouterContext, 'names' | 'ports'>,
): readonly Reproof[] {
  const hosts = listOf(edge.hosts);
  if (hosts.length === 0 || !hosts.every((it) => isHost(it, names.apex, names))) return [];
  const known = ports.map((it) => it.port);
  return rules.flatMap(({ rule, where }) =>
    listAt(rule, 'match')
      .filter((it) => listOf(it.gateways ?? edge.gateways).every((one) => one === 'mesh'))
      .flatMap(({ port }) => (typeof port === 'number' && !known.includes(port) ? [port] : []))
      .map((got) => ({
        problem: `${where} asks for a port that the release does not have`,
        got,
        remedy: `use ${known.join(' or ')}, or add the port to service`,
      })),
  );
}

function listOf(it: Json | undefined): readonly Json[] {
  return Array.isArray(it) ? it : [];
}
