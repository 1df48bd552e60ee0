import type { JsonObject } from '../../manifest/json.ts';
import {
  all,
  type Check,
  choice,
  fields,
  isEmpty,
  items,
  needed,
  oneOf,
  only,
  own,
  text,
  whole,
  wrong,
} from './check.ts';
import { labelSelector } from './names.ts';
import { someQuantity } from './quantities.ts';
import { part } from './workloads.ts';

const segment: Check = text(
  (it) => it !== '' && it !== '.' && it !== '..' && !/[/%]/.test(it),
  'a name without / and %',
  'correct it',
);

const reference: Check = all(fields({ kind: segment, name: segment }));

const metric: Check = fields({ name: segment, selector: labelSelector });

const target: Check = fields({
  type: oneOf('Utilization', 'Value', 'AverageValue'),
  averageUtilization: whole(1),
  averageValue: someQuantity,
  value: someQuantity,
});

function oneOfTargets(...keys: readonly string[]): Check {
  return fields({ target: all(target, choice(keys)) });
}

const resource = all(needed('name'), oneOfTargets('averageUtilization', 'averageValue'));

/** By the type of a metric, the field that says it. */
const SOURCES: Readonly<Record<string, string>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

const metricSpec: Check = all(
  fields({
    type: oneOf(...Object.keys(SOURCES)),
    resource,
    containerResource: all(resource, needed('container')),
    pods: all(fields({ metric, target }), fields({ target: needed('averageValue') })),
    object: all(
      fields({ metric, describedObject: reference }),
      oneOfTargets('value', 'averageValue'),
    ),
    external: all(fields({ metric }), oneOfTargets('value', 'averageValue')),
  }),
  ...Object.entries(SOURCES).flatMap(([type, field]) => [
    needed(field, `with type ${type}`, (it) => it.type === type),
    only(field, (it) => it.type === type, `with type ${type}`),
  ]),
);

const scaling: Check = all(
  fields({
    stabilizationWindowSeconds: whole(0, 3600),
    selectPolicy: oneOf('Max', 'Min', 'Disabled'),
    policies: items(
      fields({ type: oneOf('Pods', 'Percent'), value: whole(1), periodSeconds: whole(1, 1800) }),
    ),
  }),
  wrong('policies', isUnsaid, 'must have one policy or more', 'add one, or leave the list out'),
);

/** The server has policies of its own for what is left out. */
function isUnsaid(it: JsonObject): boolean {
  return own(it, 'policies') !== undefined && isEmpty(it.policies);
}

/** What a HorizontalPodAutoscaler must keep. */
export const autoscaler: Check = fields({
  spec: all(
    fields({
      minReplicas: whole(1),
      maxReplicas: whole(1),
      scaleTargetRef: reference,
      targetCPUUtilizationPercentage: whole(1),
      metrics: items(metricSpec),
      behavior: fields({ scaleUp: scaling, scaleDown: scaling }),
    }),
    wrong(
      'maxReplicas',
      ({ minReplicas: least = 1, maxReplicas: most }) =>
        typeof least === 'number' && typeof most === 'number' && most >= 1 && least > most,
      'must be at least minReplicas',
      'raise it, or lower minReplicas',
    ),
  ),
});

/** What a PodDisruptionBudget must keep. */
export const disruptionBudget: Check = fields({
  spec: all(
    choice(['minAvailable', 'maxUnavailable'], 'none'),
    fields({
      minAvailable: part,
      maxUnavailable: part,
      selector: labelSelector,
      unhealthyPodEvictionPolicy: oneOf('IfHealthyBudget', 'AlwaysAllow'),
    }),
  ),
});
