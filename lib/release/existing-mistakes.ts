import type { Mistake } from '../mistake.ts';
import { type Names, serviceNameMistakes } from '../names.ts';
import type { ReleaseProps } from './release-props.ts';

/** What is wrong with a release that brings its own Services, or brings nothing. */
export function existingMistakes(
  path: string,
  props: ReleaseProps,
  names: Names,
  flawed: ReadonlySet<string> = new Set(),
): Mistake[] {
  const { existing, workload } = props;
  if (existing === undefined)
    return workload === undefined && !flawed.has('workload') && !flawed.has('existing')
      ? [{ path, problem: 'there is nothing to release', remedy: 'give workload, or existing' }]
      : [];
  if (workload !== undefined)
    return [
      {
        path,
        problem: 'existing is given beside workload',
        got: existing,
        remedy: 'keep one of them',
      },
    ];
  return [
    ...serviceNameMistakes(path, 'existing.stable', existing.stable),
    ...serviceNameMistakes(path, 'existing.candidate', existing.candidate),
    ...UNUSED.filter(([, used]) => used(props)).map(([field]) => ({
      path,
      problem: `${field} has no effect beside existing`,
      remedy: 'leave it out: pods and Services are none of this release’s',
    })),
    ...(flawed.has('traffic') || flawed.has('strategy') ? [] : routeMistakes(path, props, names)),
  ];
}

type Unused = readonly [string, (props: ReleaseProps) => boolean];

const UNUSED: readonly Unused[] = [
  ['tracks', (it) => it.tracks !== undefined],
  ['selectorLabel', (it) => it.selectorLabel !== undefined],
  ['allowLiteralSecrets', (it) => it.allowLiteralSecrets === true],
  ['jobs', (it) => (it.jobs ?? []).length > 0],
  ['service.targetPort', (it) => it.service?.targetPort !== undefined],
  ['service.portDiscovery', (it) => it.service?.portDiscovery === true],
  ...(
    [
      'nodePort',
      'type',
      'loadBalancer',
      'externalTrafficPolicy',
      'internalTrafficPolicy',
      'headless',
      'sessionAffinity',
      'trafficDistribution',
      'ipFamilies',
      'ipFamilyPolicy',
      'publishNotReadyAddresses',
      'apex',
      'primary',
      'canary',
    ] as const
  ).map((key): Unused => [`service.${key}`, (it) => it.service?.[key] !== undefined]),
];

/** Everything that a release without pods cannot do. */
function routeMistakes(path: string, { strategy, traffic }: ReleaseProps, names: Names): Mistake[] {
  const mistakes: Mistake[] = [];
  if (!strategy.tracks.includes('canary'))
    mistakes.push({
      path,
      problem: `strategy ${strategy.kind} changes pods, and existing has none`,
      remedy: 'use one that shifts traffic, such as canary({ stepWeights: [5, 20, 50] })',
    });
  if (traffic.splits.kind === 'pods')
    mistakes.push({
      path,
      problem: `traffic ${traffic.kind} lets pods stand for weights, and existing has none`,
      remedy: 'use a router, such as istio() or gatewayApi({ … })',
    });
  else if (traffic.apexSelects === 'both')
    mistakes.push({
      path,
      problem: `traffic ${traffic.kind} tells versions apart by labels, and existing has no pods to label`,
      remedy: 'lead to a Service for each version: leave subsets out',
    });
  if (traffic.kinds.some((it) => it.group === '' && it.kind === 'Service'))
    mistakes.push({
      path,
      problem: 'traffic would be split by a Service of the release, and existing has its own',
      got: names.apex,
      remedy:
        'use a router that leads to a Service for each version: istio() without subsets, or gatewayApi({ … })',
    });
  return mistakes;
}
