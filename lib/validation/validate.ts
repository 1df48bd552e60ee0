import { type JsonObject, listAt, type Manifest, objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { type Mistake, mistakeText } from '../mistake.ts';
import { objectNameMistakes } from '../names.ts';
import { workloadKindOf } from '../workload/workload-kinds.ts';
import { schemaOf } from './schema.ts';

/**
 * What the API server of the pinned Kubernetes, Istio and Gateway API versions would refuse. A kind of another
 * group is let through but for its name.
 */
export async function validate(objects: readonly Authored[]): Promise<readonly Mistake[]> {
  const found = await Promise.all(objects.map(validateOne));
  return unique(found.flat());
}

async function validateOne({ path, object }: Authored): Promise<Mistake[]> {
  const schema = await schemaOf(object.apiVersion, object.kind);
  const names = objectNameMistakes(path, object.kind, object.metadata.name);
  if (schema.kind === 'foreign') return names;
  if (schema.kind === 'missing')
    return [
      {
        path,
        problem: `${schema.versions} has no such kind`,
        got: `${object.apiVersion} ${object.kind}`,
        remedy: 'correct apiVersion and kind',
      },
    ];
  const violations = schema.check(object).map((it) => {
    const got = valueAt(object, it.pointer);
    const isUnquoted = it.isText && ['number', 'boolean'].includes(typeof got);
    return {
      path,
      problem: `${it.pointer} of ${object.kind} ${object.metadata.name} ${it.problem}`,
      got,
      remedy: isUnquoted
        ? 'write it in quotes'
        : `correct it; \`kubectl explain ${object.kind.toLowerCase()}\` lists the fields`,
    };
  });
  return [
    ...names,
    ...violations,
    ...metadataMistakes(path, object),
    ...RULES.flatMap((rule) => rule(path, object)),
  ];
}

/** Both tracks hold the same mistake of the author: it is told once. */
function unique(mistakes: readonly Mistake[]): Mistake[] {
  const told = new Map<string, Mistake>();
  for (const it of mistakes) {
    const text = mistakeText(it).replace(/-(?:primary|canary)\b/g, '');
    if (!told.has(text)) told.set(text, it);
  }
  return [...told.values()];
}

function valueAt(object: Manifest, pointer: string): unknown {
  let value: unknown = object;
  for (const key of pointer.split('/').slice(1)) {
    if (key === '' || typeof value !== 'object' || value === null) continue;
    value = Reflect.get(value, key.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return value;
}

const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const LABEL_KEY =
  /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Labels of the object and of its pods, as the API server judges them. */
function metadataMistakes(path: string, object: Manifest): Mistake[] {
  const all = [
    objectAt(object, 'metadata', 'labels'),
    objectAt(object, 'spec', 'template', 'metadata', 'labels'),
  ];
  const remedy = 'use at most 63 letters, digits, dashes, dots and underscores';
  return all.flatMap((labels) =>
    Object.entries(labels).flatMap(([key, value]) => {
      if (!LABEL_KEY.test(key))
        return [{ path, problem: 'label key is not allowed', got: key, remedy }];
      if (typeof value !== 'string' || LABEL_VALUE.test(value)) return [];
      return [
        { path, problem: `label ${key} has a value that is not allowed`, got: value, remedy },
      ];
    }),
  );
}

/** What the API server checks beyond the schemas, and authors get wrong most often. */
const RULES: readonly ((path: string, object: Manifest) => Mistake[])[] = [
  function autoscalerBounds(path, object) {
    if (object.kind !== 'HorizontalPodAutoscaler') return [];
    const { minReplicas = 1, maxReplicas } = objectAt(object, 'spec');
    if (typeof minReplicas !== 'number' || typeof maxReplicas !== 'number') return [];
    const name = object.metadata.name;
    if (minReplicas > maxReplicas)
      return [
        {
          path,
          problem: `HPA ${name} has minReplicas over maxReplicas`,
          got: `${minReplicas} over ${maxReplicas}`,
          remedy: 'raise maxReplicas or lower minReplicas',
        },
      ];
    if (minReplicas >= 1) return [];
    return [
      {
        path,
        problem: `HPA ${name} has minReplicas below 1`,
        got: minReplicas,
        remedy: 'use 1 or more',
      },
    ];
  },
  function negativeReplicas(path, object) {
    const { replicas } = objectAt(object, 'spec');
    if (workloadKindOf(object) === undefined || typeof replicas !== 'number' || replicas >= 0)
      return [];
    return [{ path, problem: 'spec.replicas is negative', got: replicas, remedy: 'use 0 or more' }];
  },
  function imageless(path, object) {
    return [
      ...listAt(podSpecOf(object), 'initContainers'),
      ...listAt(podSpecOf(object), 'containers'),
    ]
      .filter((it) => it.image === undefined || it.image === '')
      .map((it) => ({
        path,
        problem: 'a container has no image',
        got: it.name,
        remedy: 'give it one',
      }));
  },
  function doubledContainers(path, object) {
    const spec = podSpecOf(object);
    const names = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')].map(
      (it) => it.name,
    );
    return names
      .filter((it, index) => names.indexOf(it) !== index)
      .map((got) => ({
        path,
        problem: 'two containers have one name',
        got,
        remedy: 'rename one of them',
      }));
  },
  function unknownVolume(path, object) {
    const spec = podSpecOf(object);
    const claims = listAt(object, 'spec', 'volumeClaimTemplates');
    const volumes = new Set([
      ...listAt(spec, 'volumes').map((it) => it.name),
      ...claims.map((it) => objectAt(it, 'metadata').name),
    ]);
    return [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')]
      .flatMap((it) => listAt(it, 'volumeMounts').map((mount) => mount.name))
      .filter((it) => !volumes.has(it))
      .map((got) => ({
        path,
        problem: 'a volumeMount names no volume',
        got,
        remedy: 'add the volume to the pod',
      }));
  },
];

function podSpecOf(object: Manifest): JsonObject {
  return objectAt(object, 'spec', 'template', 'spec');
}
