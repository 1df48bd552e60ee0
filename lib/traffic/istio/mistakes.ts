import { type JsonObject, listAt, type Manifest, objectAt } from '../../manifest/json.ts';
import { isKind } from '../../manifest/manifest.ts';
import type { Mistake, Reproof } from '../../mistake.ts';
import { labelReproofs } from '../../names.ts';
import { plain } from '../plain.ts';
import { routedBy } from '../ports.ts';
import type { Traffic } from '../traffic.ts';
import type { IstioParts } from './capabilities.ts';
import { isVirtualService, NETWORKING } from './groups.ts';
import { hostMistakes, isDnsName } from './hosts.ts';
import { matchMistakes } from './match.ts';
import { portMistakes } from './match-ports.ts';
import { namedRules, type Owned, ownRouteMistakes } from './own-virtual-service.ts';
import { seconds, subsetsOf } from './props.ts';
import { isHost, type NamedRule, shiftMistakes } from './routes.ts';

/** What the router is asked to do. */
interface IstioInput extends IstioParts {
  /** Of all steps, in order. */
  readonly traffics: readonly Traffic[];
}

/** What is wrong with the props, and what of the steps' traffic they do not go with; each thing once. */
export function istioMistakes(parts: IstioParts, traffics: readonly Traffic[]): Mistake[] {
  const input = { ...parts, traffics };
  const { path } = parts.context;
  const reproofs = RULES.flatMap((rule) => rule(input)).map((it) => ({ path, ...it }));
  const all = [...reproofs, ...ownMistakes(input)];
  return [...new Map(all.map((it) => [JSON.stringify(it), it])).values()];
}

/** Props that say something of http routes alone. */
const HTTP_ONLY = ['match', 'rewrite', 'headers', 'corsPolicy', 'retries', 'timeout'] as const;

const RULES: readonly ((input: IstioInput) => readonly Reproof[])[] = [
  function edgeOfDelegate({ props }) {
    if (props.delegation !== true) return [];
    return (['hosts', 'gateways'] as const)
      .filter((key) => (props[key] ?? []).length > 0)
      .map((key) => ({
        problem: `traffic.${key} cannot be given with delegation`,
        got: props[key],
        remedy: `leave ${key} to the VirtualService that delegates, or leave delegation out`,
      }));
  },
  function hosts({ props }) {
    return hostMistakes(props.hosts);
  },
  function subsets({ props }) {
    const { primary, canary } = subsetsOf(props) ?? { primary: 'primary', canary: 'canary' };
    const same = {
      problem: 'traffic.subsets gives both tracks one name',
      got: primary,
      remedy: 'give each subset a name of its own',
    };
    return [
      ...labelReproofs('traffic.subsets.primary', primary),
      ...labelReproofs('traffic.subsets.canary', canary),
      ...(primary === canary ? [same] : []),
    ];
  },
  function doubledSubsets({ props, context }) {
    const ours = Object.values(subsetsOf(props) ?? {});
    const { names, workload } = context;
    return workload
      .filter((it) => isKind(it, NETWORKING, 'DestinationRule'))
      .filter((it) => isHost(objectAt(it, 'spec').host, names.apex, names))
      .flatMap((it) => {
        const given = listAt(it, 'spec', 'subsets').map(({ name }) => name);
        const doubled = ours.filter((one) => given.some((name) => name === one));
        if (doubled.length === 0) return [];
        return {
          problem: `DestinationRule ${it.metadata.name} has subsets of ${names.apex} that the release writes, and Istio takes one of the two`,
          got: doubled.join(', '),
          remedy: 'leave them out there: their policies go into traffic.trackPolicies',
        };
      });
  },
  function gateways({ props }) {
    return (props.gateways ?? [])
      .filter((it) => !isGateway(it))
      .map((got) => ({
        problem: 'traffic.gateways holds what is not the name of a gateway',
        got,
        remedy: "write 'namespace/name', 'name' or 'mesh'",
      }));
  },
  function everyHostOfMesh({ props }) {
    const { hosts = [], gateways = [] } = props;
    if (!hosts.includes('*') || !(gateways.length === 0 || gateways.includes('mesh'))) return [];
    return [
      {
        problem: "traffic.hosts has '*', which Istio refuses in the mesh",
        got: gateways.length === 0 ? "['mesh'] (the default)" : gateways,
        remedy: "name a gateway and leave 'mesh' out, or name the hosts",
      },
    ];
  },
  function streamsOfDelegate({ props, context }) {
    if (props.delegation !== true || props.virtualServices !== undefined) return [];
    return context.ports
      .filter((it) => routedBy(it) === 'tcp')
      .map((it) => ({
        problem:
          'a TCP port cannot be routed with delegation, which Istio has for http routes alone',
        got: `${it.name} ${it.port}`,
        remedy: 'leave delegation or the port out',
      }));
  },
  function encryptedPorts({ props, context }) {
    if (props.virtualServices !== undefined) return [];
    return context.ports
      .filter((it) => routedBy(it) === 'tls')
      .map((it) => ({
        problem: 'Istio cannot split a port by which the pods themselves speak TLS',
        got: `${it.name} ${it.port} ${it.appProtocol ?? ''}`.trimEnd(),
        remedy:
          "say appProtocol 'tcp' and it is split by connection, or write its tls route into a VirtualService of your own and name it in traffic.virtualServices",
      }));
  },
  function nothingHttp({ props, context, rules }) {
    if (props.virtualServices !== undefined || rules.length > 0) return [];
    return HTTP_ONLY.filter((key) => props[key] !== undefined).map((key) => ({
      problem: `traffic.${key} has no effect: no port of the release speaks HTTP`,
      got: context.ports.map((it) => `${it.name} ${it.port}`),
      remedy: 'leave it out',
    }));
  },
  function requests({ traffics }) {
    return traffics.flatMap(({ routes = [], mirrors = [] }) => [
      ...routes.flatMap((it) => it.match).flatMap(matchMistakes),
      ...mirrors.flatMap((it) => it.match ?? []).flatMap(matchMistakes),
    ]);
  },
  function together({ props, traffics, rules }) {
    if (props.virtualServices !== undefined) return [];
    return traffics.flatMap((traffic) => shiftMistakes(rules.map(ofProps), traffic));
  },
  function ports({ props, context, rules }) {
    // Which hosts and gateways a delegate has, only the VirtualService knows that delegates to it.
    if (props.virtualServices !== undefined || props.delegation === true) return [];
    const { hosts = [], gateways = [] } = props;
    const edge = { hosts: [...hosts, context.names.apex], gateways };
    return portMistakes(edge, rules.map(ofProps), context);
  },
  function unequalBaseline({ props, traffics }) {
    const { trafficPolicy, trackPolicies = {} } = props;
    const isUsed = traffics.some((it) => it.weights.baseline !== undefined);
    const policy = trackPolicies.canary ?? trafficPolicy;
    if (!isUsed || policy === undefined || trackPolicies.baseline !== undefined) return [];
    return [
      {
        problem: 'the baseline has no policy, and would be compared with a canary that has one',
        got: Object.keys(policy),
        remedy: 'add baseline to traffic.trackPolicies: {} gives it traffic.trafficPolicy',
      },
    ];
  },
];

function ofProps(rule: JsonObject): NamedRule {
  return { rule, where: 'traffic.match' };
}

function isGateway(text: string): boolean {
  const [name = '', namespace, ...rest] = text.split('/').reverse();
  return rest.length === 0 && [name, namespace ?? name].every(isDnsName);
}

/** Props that shape a VirtualService of ours, and say nothing about the author's. */
const SHAPING = ['hosts', 'gateways', ...HTTP_ONLY, 'delegation'] as const;

function ownMistakes({ props, context, traffics, own }: IstioInput): Mistake[] {
  const { path, workload } = context;
  const { virtualServices: named } = props;
  if (named === undefined) return [];
  const names = named.map((it) => it.name);
  const ignored = SHAPING.filter((key) => props[key] !== undefined).map((key) => ({
    path,
    problem: `traffic.${key} has no effect beside traffic.virtualServices`,
    got: plain({ it: props[key] }, seconds).it,
    remedy: `write it into the VirtualService ${names.join(' or ')}`,
  }));
  const known = workload.filter(isVirtualService).map((it) => it.metadata.name);
  const isWrong = (it: string, index: number) => !known.includes(it) || names.indexOf(it) < index;
  const wrong = names.filter(isWrong).map((got) => ({
    path,
    problem: known.includes(got)
      ? 'traffic.virtualServices names a VirtualService twice'
      : 'traffic.virtualServices names no VirtualService',
    got,
    remedy: known.includes(got)
      ? 'name it once, with all of its routes'
      : `make one of this name in workload (it makes ${known.length === 0 ? 'none' : known.join(', ')})`,
  }));
  const none = {
    path,
    problem: 'traffic.virtualServices is empty',
    got: named,
    remedy: 'name one, or leave it out and Perch writes one',
  };
  return [
    ...ignored,
    ...(named.length === 0 ? [none] : []),
    ...wrong,
    ...own.flatMap((it) => ownRouteMistakes(context, it)),
    ...traffics
      .flatMap((it) => shiftMistakes(own.flatMap(namedRules), it))
      .map((it) => ({ path, ...it })),
    ...sharedHostMistakes(own).map((it) => ({ path, ...it })),
  ];
}

/**
 * Hosts that two of them have. In the mesh Istio takes one of the two alone; at a gateway it joins their routes in an order of its
 * own, so only one of them may have a route for all requests.
 */
function sharedHostMistakes(own: readonly Owned[]): readonly Reproof[] {
  return own.flatMap((it, index) =>
    own.slice(0, index).flatMap((other) => {
      const [name, first] = [it, other].map(({ object }) => object.metadata.name);
      const host = hostsOf(it).find((one) => hostsOf(other).includes(one));
      const gateway = edgesOf(it)
        .filter((one) => edgesOf(other).includes(one))
        .find((one) => one === 'mesh' || (takesAll(it) && takesAll(other)));
      if (host === undefined || gateway === undefined || name === first) return [];
      return [
        {
          problem: `VirtualServices ${first} and ${name} take the requests of one host at one gateway, and Istio follows one of them`,
          got: `${host} at ${gateway}`,
          remedy: 'leave the host or the gateway out of one of them',
        },
      ];
    }),
  );
}

/** The Service that users know has several names. */
function hostsOf({ object, names }: Owned): readonly string[] {
  return textsAt(object, 'hosts').map((it) => (isHost(it, names.apex, names) ? names.apex : it));
}

function textsAt(object: Manifest, key: 'hosts' | 'gateways'): readonly string[] {
  const list = objectAt(object, 'spec')[key];
  return Array.isArray(list) ? list.map(String) : [];
}

/** A gateway without a namespace is one of the VirtualService's own. */
function edgesOf({ object, names }: Owned): readonly string[] {
  const given = textsAt(object, 'gateways');
  return (given.length === 0 ? ['mesh'] : given).map((it) =>
    it === 'mesh' || it.includes('/') ? it : `${names.namespace}/${it}`,
  );
}

function takesAll({ object }: Owned): boolean {
  return listAt(object, 'spec', 'http').some((it) => listAt(it, 'match').length === 0);
}
