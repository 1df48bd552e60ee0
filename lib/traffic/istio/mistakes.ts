import type { JsonObject, Manifest } from '../../manifest/json.ts';
import type { Mistake, Reproof } from '../../mistake.ts';
import { plain } from '../plain.ts';
import { routedBy } from '../ports.ts';
import type { RouterContext } from '../router.ts';
import { fractionMistakes, type Traffic } from '../traffic.ts';
import { matchMistakes } from './match.ts';
import { ownRouteMistakes } from './own-virtual-service.ts';
import { type IstioProps, seconds } from './props.ts';
import { isOfAll, shiftMistakes } from './routes.ts';

/** What the router is asked to do. */
export interface IstioInput {
  readonly props: IstioProps;
  readonly context: RouterContext;
  /** Of all steps, in order. */
  readonly traffics: readonly Traffic[];
  /** The http routes of our own VirtualService, before a step's traffic is in them. */
  readonly rules: readonly JsonObject[];
  /** The VirtualServices of the workload. */
  readonly own: readonly Manifest[];
}

/** What is wrong with the props, and what of the steps' traffic Istio cannot do; each thing once. */
export function istioMistakes(input: IstioInput): Mistake[] {
  const { props, context, traffics } = input;
  const { path } = context;
  const reproofs = RULES.flatMap((rule) => rule(input)).map((it) => ({ path, ...it }));
  const total = props.weightTotal ?? 100;
  const all = [...reproofs, ...ownMistakes(input), ...fractionMistakes(path, traffics, total)];
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
  function nothingHttp({ props, context, traffics, rules }) {
    if (props.virtualService !== undefined || rules.length > 0) return [];
    const got = context.ports.map((it) => `${it.name} ${it.port}`);
    const ignored = HTTP_ONLY.filter((key) => props[key] !== undefined).map((key) => ({
      problem: `traffic.${key} has no effect: no port of the release speaks HTTP`,
      got,
      remedy: 'leave it out',
    }));
    const asked = traffics.flatMap(beyondWeights).map((what) => ({
      problem: `a step wants ${what}, and connections of TCP ports can only be weighted`,
      got,
      remedy: 'use a strategy that shifts weights alone, or give the release an HTTP port',
    }));
    return [...ignored, ...asked];
  },
  function weights({ traffics }) {
    return traffics.flatMap(({ weights: { primary, canary, baseline = 0 } }) => {
      const all = [primary, canary, baseline];
      const sum = all.reduce((a, b) => a + b, 0);
      if (all.every((it) => it >= 0) && Math.abs(sum - 100) < 1e-6) return [];
      return [
        {
          problem: 'the weights of a step must add up to 100',
          got: { primary, canary, baseline },
          remedy: 'let none of them be negative, and their sum be 100',
        },
      ];
    });
  },
  function requests({ traffics }) {
    return traffics.flatMap(({ routes = [], mirrors = [] }) => [
      ...routes.flatMap((it) => it.match).flatMap(matchMistakes),
      ...mirrors.flatMap((it) => it.match ?? []).flatMap(matchMistakes),
    ]);
  },
  function mirrored({ traffics }) {
    return traffics.flatMap(({ mirrors = [] }) => {
      const shares = mirrors
        .filter(({ percent }) => !(percent > 0 && percent <= 100))
        .map(({ percent }) => ({
          problem: 'a mirror copies no share of the requests',
          got: percent,
          remedy: 'use more than 0 and at most 100 percent',
        }));
      if (mirrors.filter(isOfAll).length <= 1) return shares;
      const problem = 'a step has two mirrors of all requests, of which Istio would heed the first';
      return [
        ...shares,
        { problem, got: mirrors, remedy: 'keep one, with the sum of their percents' },
      ];
    });
  },
  function together({ props, traffics, rules }) {
    if (props.virtualService !== undefined) return [];
    const gateways = props.gateways ?? [];
    const said = { where: 'traffic.match', gateways };
    return traffics.flatMap((traffic) =>
      rules.flatMap((rule) => shiftMistakes(rule, traffic, said)),
    );
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

function beyondWeights({ routes = [], mirrors = [], affinity }: Traffic): readonly string[] {
  return [
    ...routes.map((it) => `the route ${it.name}`),
    ...(mirrors.length === 0 ? [] : ['copies of requests']),
    ...(affinity === undefined ? [] : ['session affinity']),
  ];
}

/** Props that shape a VirtualService of ours, and say nothing about the author's. */
const SHAPING = ['hosts', 'gateways', ...HTTP_ONLY, 'delegation'] as const;

function ownMistakes({ props, context, traffics, own }: IstioInput): Mistake[] {
  const { path, names } = context;
  const { virtualService: name, routes } = props;
  if (name === undefined) return [];
  const ignored = SHAPING.filter((key) => props[key] !== undefined).map((key) => ({
    path,
    problem: `traffic.${key} has no effect beside traffic.virtualService`,
    got: plain({ it: props[key] }, seconds).it,
    remedy: `write it into the VirtualService ${name}`,
  }));
  const found = own.find((it) => it.metadata.name === name);
  if (found !== undefined)
    return [...ignored, ...ownRouteMistakes({ path, names }, found, { name, routes }, traffics)];
  const known = own.map((it) => it.metadata.name);
  const remedy = `make one of this name in workload (it makes ${known.length === 0 ? 'none' : known.join(', ')})`;
  return [
    ...ignored,
    { path, problem: 'traffic.virtualService names no VirtualService', got: name, remedy },
  ];
}
