import { quote } from './plain.ts';
import type { HeldObject, Refusal } from './refusal.ts';

/** What an annotation, or a label that the same tool reads, makes of its object. */
interface Directive {
  readonly key: string;
  /** Values that do it. */
  readonly values: (value: string) => boolean;
  /** Continues “so that ”. */
  readonly effect: string;
  /** What may be done instead of taking it away. */
  readonly remedy?: string;
  /** Whether it is harmless on what no rollout takes away, and people want to keep. */
  readonly keeps?: true;
}

const ANY = () => true;

/** An option of a list with commas. */
const option =
  (...wanted: readonly string[]) =>
  (value: string) =>
    value.split(',').some((it) => wanted.includes(it.trim().toLowerCase()));

const LEFT_OUT = 'or leave the object out: `skipHooks` of helm, `omit` of include';

/**
 * Directives with which a tool leaves an object out, makes another thing of it, or does not take it away: a step with it
 * would never be live. All others are harmless.
 *
 * Sources: fluxcd.io/flux/components/kustomize/kustomizations ("Controlling the apply behavior of resources"),
 * argo-cd.readthedocs.io (hooks, "Sync Options", "Compare Options", Helm), kubernetes.io ("config.kubernetes.io/local-config"
 * of "Well-Known Labels, Annotations and Taints"), helm.sh ("Chart Hooks").
 */
const DIRECTIVES: readonly Directive[] = [
  {
    key: 'kustomize.toolkit.fluxcd.io/reconcile',
    values: option('disabled'),
    effect: 'Flux never applies it',
  },
  {
    key: 'kustomize.toolkit.fluxcd.io/ssa',
    values: option('ignore'),
    effect: 'Flux never applies it',
  },
  {
    key: 'kustomize.toolkit.fluxcd.io/ssa',
    values: option('ifnotpresent'),
    effect: 'Flux applies it once, and no change of it',
  },
  {
    key: 'kustomize.toolkit.fluxcd.io/prune',
    values: option('disabled'),
    effect: 'Flux never takes it away',
    keeps: true,
  },
  {
    key: 'argocd.argoproj.io/hook',
    values: ANY,
    effect: 'Argo CD takes it for a hook, or leaves it out',
    remedy: LEFT_OUT,
  },
  {
    key: 'argocd.argoproj.io/sync-options',
    values: option('prune=false', 'prune=confirm'),
    effect: 'Argo CD does not take it away',
    keeps: true,
  },
  {
    key: 'argocd.argoproj.io/compare-options',
    values: option('ignoreextraneous'),
    effect: 'Argo CD does not see that it is to be taken away',
    keeps: true,
  },
  {
    key: 'helm.sh/hook',
    values: option('test', 'test-success', 'test-failure'),
    effect: 'it is a test of its chart, which only `helm test` runs',
    remedy: 'or leave the object out: `skipTests: true` of helm, `omit` of include',
  },
  {
    key: 'helm.sh/hook',
    values: (it) => !option('crd-install')(it),
    effect: 'Argo CD takes it for a hook, or leaves it out',
    remedy: LEFT_OUT,
  },
  {
    key: 'helm.sh/resource-policy',
    values: option('keep'),
    effect: 'Argo CD does not take it away',
    keeps: true,
  },
  {
    key: 'config.kubernetes.io/local-config',
    values: (it) => it !== 'false',
    effect: 'kustomize leaves it out, and with it Flux',
  },
  {
    key: 'config.kubernetes.io/function',
    values: ANY,
    effect: 'kustomize takes it for the input of a function',
  },
  {
    key: 'config.k8s.io/function',
    values: ANY,
    effect: 'kustomize takes it for the input of a function',
  },
];

/** Why a release must not hold an object for what it tells other tools; undefined where it may. */
export function directiveRefusal(it: HeldObject): Refusal | undefined {
  // Flux reads its directives in labels as well.
  for (const place of ['annotations', 'labels']) {
    const given = it.at('metadata', place);
    if (typeof given !== 'object' || given === null) continue;
    const found = DIRECTIVES.find((one) => isGiven(one, it.kind, Reflect.get(given, one.key)));
    if (found === undefined) continue;
    const { key, effect, remedy = '' } = found;
    const noun = place.slice(0, -1);
    const value = quote(String(Reflect.get(given, key)), 100);
    return {
      problem: `holds ${it.kind} ${it.name} with the ${noun} ${key}: ${value}, so that ${effect}`,
      remedy: `take the ${noun} away${remedy === '' ? '' : `, ${remedy}`}`,
    };
  }
  return undefined;
}

function isGiven({ values, keeps }: Directive, kind: string, value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return values(value) && !(keeps === true && kind === 'PersistentVolumeClaim');
}
