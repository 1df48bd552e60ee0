import {
  isObject,
  type Json,
  type JsonObject,
  labelsAt,
  listAt,
  objectAt,
} from '../../manifest/json.ts';
import { selects } from '../../manifest/selector.ts';
import {
  all,
  type Check,
  fields,
  isEmpty,
  items,
  oneOf,
  only,
  own,
  text,
  when,
  whole,
  wrong,
} from './check.ts';
import { claimNames, claimSpec } from './claims.ts';
import { label, labelSelector } from './names.ts';
import { podTemplate } from './pods.ts';

const ROLLING = 'RollingUpdate';

const isPercent = (it: string) => /^\d+%$/.test(it);

/** A number of pods, or a share of them. */
export const share: Check = all(
  whole(0),
  text(isPercent, 'a number or a percentage', 'write it as 1 or 25%'),
);

/** The same, of which there is no more than all. */
export const part: Check = all(
  share,
  text((it) => !isPercent(it) || Number.parseInt(it, 10) <= 100, 'at most 100%', 'lower it'),
);

/** Undefined where it is not given. */
function amount(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && isPercent(value) ? Number.parseInt(value, 10) : undefined;
}

/** Deployments, DaemonSets and StatefulSets run their pods for ever. */
const running = all(
  fields({ restartPolicy: oneOf('Always') }),
  only('activeDeadlineSeconds', () => false, 'in a pod that may end'),
);

const shared: Check = all(
  fields({
    replicas: whole(0),
    minReadySeconds: whole(0),
    revisionHistoryLimit: whole(0),
    selector: all(labelSelector, notEmpty),
  }),
  wrong(
    'template',
    (it) => {
      const selector = objectAt(it, 'selector');
      return !isNothing(selector) && !selects(selector, templateLabels(it));
    },
    'must have the labels that spec.selector selects',
    'give both the same labels',
  ),
);

function templateLabels(spec: JsonObject) {
  return labelsAt(spec, 'template', 'metadata', 'labels');
}

function isNothing(selector: JsonObject): boolean {
  return isEmpty(selector.matchLabels) && isEmpty(selector.matchExpressions);
}

function notEmpty(value: Json, pointer: string) {
  if (!isObject(value) || !isNothing(value)) return [];
  const problem = 'must select by one label or more';
  return [{ pointer, problem, got: value, remedy: 'add matchLabels' }];
}

const isRolling = (it: JsonObject) => (own(it, 'type') ?? ROLLING) === ROLLING;

function rolled(types: readonly string[], rollingUpdate: Check): Check {
  return all(
    fields({ type: oneOf('', ...types), rollingUpdate }),
    only('rollingUpdate', isRolling, `with type ${ROLLING}`),
  );
}

/** What a Deployment must keep. */
export const deployment: Check = fields({
  spec: all(
    shared,
    fields({
      progressDeadlineSeconds: whole(0),
      template: podTemplate(running),
      strategy: rolled(
        [ROLLING, 'Recreate'],
        all(
          fields({ maxSurge: share, maxUnavailable: part }),
          wrong(
            'maxUnavailable',
            (it) => amount(it.maxUnavailable) === 0 && amount(it.maxSurge) === 0,
            'must not be 0 together with maxSurge',
            'raise one of them',
          ),
        ),
      ),
    }),
    wrong(
      'progressDeadlineSeconds',
      ({ progressDeadlineSeconds: most = 600, minReadySeconds: least = 0 }) =>
        typeof most === 'number' && typeof least === 'number' && most >= 0 && most <= least,
      'must be more than minReadySeconds',
      'raise it, or lower minReadySeconds',
    ),
  ),
});

/** What a DaemonSet must keep. */
export const daemonSet: Check = fields({
  spec: all(
    shared,
    fields({
      template: podTemplate(running),
      // Unlike the others, one with OnDelete may say how it would roll.
      updateStrategy: all(
        fields({ type: oneOf('', ROLLING, 'OnDelete') }),
        when(
          isRolling,
          fields({
            rollingUpdate: all(
              fields({ maxSurge: part, maxUnavailable: part }),
              wrong(
                'maxSurge',
                (it) =>
                  ((amount(it.maxUnavailable) ?? 1) === 0) === ((amount(it.maxSurge) ?? 0) === 0),
                'must be 0 unless maxUnavailable is, which is 1 if it is not given',
                'make exactly one of them 0',
              ),
            ),
          }),
        ),
      ),
    }),
  ),
});

const RETENTION = oneOf('', 'Retain', 'Delete');

/** What a StatefulSet must keep; its pods have the volumes of its claims too, and names of their own. */
export const statefulSet: Check = fields({
  spec: all(
    shared,
    fields({
      serviceName: text(
        (it) => it === '' || label(it, '').length === 0,
        'a DNS label',
        'correct it',
      ),
      podManagementPolicy: oneOf('', 'OrderedReady', 'Parallel'),
      updateStrategy: rolled([ROLLING, 'OnDelete'], fields({ partition: whole(0) })),
      persistentVolumeClaimRetentionPolicy: fields({
        whenDeleted: RETENTION,
        whenScaled: RETENTION,
      }),
      ordinals: fields({ start: whole(0) }),
      volumeClaimTemplates: items(fields({ spec: claimSpec })),
    }),
    (spec, pointer) => template(withClaims(spec), `${pointer}/template`),
  ),
});

const template = podTemplate(running);

/** The template as its controller fills it in. */
function withClaims(spec: Json): Json {
  const claims = claimNames(spec);
  const given = objectAt(spec, 'template');
  const { hostname: _, subdomain: __, ...pod } = objectAt(given, 'spec');
  if (claims.length === 0) return { ...given, spec: pod };
  const own = listAt(pod, 'volumes').filter((it) => !claims.includes(String(it.name)));
  const volumes = [...own, ...claims.map((name) => ({ name }))];
  return { ...given, spec: { ...pod, volumes } };
}
