import { type JsonObject, listAt, objectAt } from '../../manifest/json.ts';
import { isKind } from '../../manifest/manifest.ts';
import type { Mistake, Reproof } from '../../mistake.ts';
import { labelReproofs } from '../../names.ts';
import { plain } from '../plain.ts';
import { routedBy } from '../ports.ts';
import type { Traffic } from '../traffic.ts';
import type { IstioParts } from './capabilities.ts';
import { NETWORKING } from './groups.ts';
import { hostMistakes, isDnsName } from './hosts.ts';
import { matchMistakes } from './match.ts';
import { portMistakes } from './match-ports.ts';
import { ownRouteMistakes } from './own-virtual-service.ts';
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
      .flatMap((it) =>
        listAt(it, 'spec', 'subsets')
          .filter(({ name }) => ours.some((one) => one === name))
          .map(({ name: got }) => ({
            problem: `DestinationRule ${it.metadata.name} has a subset of ${names.apex} that the release writes, and Istio takes one of the two`,
            got,
            remedy: 'leave it out there: its policy goes into traffic.trackPolicies',
          })),
      );
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
    if (props.delegation !== true || props.virtualService !== undefined) return [];
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
    if (props.virtualService !== undefined) return [];
    return context.ports
      .filter((it) => routedBy(it) === 'tls')
      .map((it) => ({
        problem: 'Istio cannot split a port by which the pods themselves speak TLS',
        got: `${it.name} ${it.port} ${it.appProtocol ?? ''}`.trimEnd(),
        remedy:
          "say appProtocol 'tcp' and it is split by connection, or write its tls route into a VirtualService of your own and name it in traffic.virtualService",
      }));
  },
  function nothingHttp({ props, context, rules }) {
    if (props.virtualService !== undefined || rules.length > 0) return [];
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
    if (props.virtualService !== undefined) return [];
    return traffics.flatMap((traffic) => shiftMistakes(rules.map(ofProps), traffic));
  },
  function ports({ props, context, rules }) {
    // Which hosts and gateways a delegate has, only the VirtualService knows that delegates to it.
    if (props.virtualService !== undefined || props.delegation === true) return [];
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
  function routesOfNobody({ props }) {
    if (props.routes === undefined || props.virtualService !== undefined) return [];
    return [
      {
        problem: 'traffic.routes has no effect without traffic.virtualService',
        got: props.routes,
        remedy: 'name the VirtualService that has them, or leave it out',
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

function ownMistakes({ props, context, traffics, own: made }: IstioInput): Mistake[] {
  const { path } = context;
  const { virtualService: name, routes } = props;
  if (name === undefined) return [];
  const ignored = SHAPING.filter((key) => props[key] !== undefined).map((key) => ({
    path,
    problem: `traffic.${key} has no effect beside traffic.virtualService`,
    got: plain({ it: props[key] }, seconds).it,
    remedy: `write it into the VirtualService ${name}`,
  }));
  const found = made.find((it) => it.metadata.name === name);
  const own = { name, routes, subsets: subsetsOf(props) };
  if (found !== undefined) return [...ignored, ...ownRouteMistakes(context, found, own, traffics)];
  const known = made.map((it) => it.metadata.name);
  const remedy = `make one of this name in workload (it makes ${known.length === 0 ? 'none' : known.join(', ')})`;
  return [
    ...ignored,
    { path, problem: 'traffic.virtualService names no VirtualService', got: name, remedy },
  ];
}
