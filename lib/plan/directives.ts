import { quote } from './plain.ts';
import type { HeldObject, Refusal } from './refusal.ts';

/** What an annotation, or a label that the same tool reads, makes of its object. */
interface Directive {
  readonly key: string;
  /** Whether its tool reads it in labels as well. */
  readonly inLabels?: true;
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

/** A value in any case. */
const word = (wanted: string) => (value: string) => value.toLowerCase() === wanted;

/** An option of a list with commas. */
const option =
  (...wanted: readonly string[]) =>
  (value: string) =>
    value.split(',').some((it) => wanted.includes(it.trim()));

const LEFT_OUT = 'or leave the object out: `skipHooks` of helm, `omit` of include';

/**
 * Directives with which a tool leaves an object out, makes another thing of it, or does not take it away: a step with it
 * would never be live. All others are harmless.
 *
 * Sources: kustomize-controller 1.9 (exclusions of what it applies and deletes), gitops-engine of Argo CD 2.14
 * (pkg/sync/hook, sync_context.go), Argo CD's controller/state.go, kustomize's api/resource/factory.go.
 */
const DIRECTIVES: readonly Directive[] = [
  {
    key: 'kustomize.toolkit.fluxcd.io/reconcile',
    inLabels: true,
    values: word('disabled'),
    effect: 'Flux never applies it',
  },
  {
    key: 'kustomize.toolkit.fluxcd.io/ssa',
    inLabels: true,
    values: word('ignore'),
    effect: 'Flux never applies it',
  },
  {
    key: 'kustomize.toolkit.fluxcd.io/ssa',
    inLabels: true,
    values: word('ifnotpresent'),
    effect: 'Flux applies it once, and no change of it',
  },
  {
    key: 'kustomize.toolkit.fluxcd.io/prune',
    inLabels: true,
    values: word('disabled'),
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
    values: option('Prune=false', 'Prune=confirm'),
    effect: 'Argo CD does not take it away',
    keeps: true,
  },
  {
    key: 'argocd.argoproj.io/compare-options',
    values: option('IgnoreExtraneous'),
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
    values: (it) => it !== 'crd-install',
    effect: 'Argo CD takes it for a hook, or leaves it out',
    remedy: LEFT_OUT,
  },
  {
    key: 'config.kubernetes.io/local-config',
    values: (it) => it !== 'false',
    effect: 'kustomize leaves it out, and with it Flux',
  },
];

/** Why a release must not hold an object for all that it tells other tools; undefined where it may. */
export function directiveRefusal(it: HeldObject): Refusal | undefined {
  const found = (['annotations', 'labels'] as const).flatMap((place) => given(it, place));
  if (found.length === 0) return undefined;
  return {
    problem: `holds ${it.kind} ${it.name} ${found.map((one) => one.problem).join(', and ')}`,
    remedy: [...new Set(found.map((one) => one.remedy))].join('; '),
  };
}

function given(it: HeldObject, place: 'annotations' | 'labels'): readonly Refusal[] {
  const all = it.at('metadata', place);
  if (typeof all !== 'object' || all === null) return [];
  const noun = place.slice(0, -1);
  const read = DIRECTIVES.filter((one) => place === 'annotations' || one.inLabels === true);
  const found = read.filter((one) => isGiven(one, it.kind, Reflect.get(all, one.key)));
  // Of two about one key the first says more.
  const first = found.filter(
    (one, index) => found.findIndex(({ key }) => key === one.key) === index,
  );
  return first.map(({ key, effect, remedy = '' }) => {
    const value = quote(String(Reflect.get(all, key)), 100);
    return {
      problem: `with the ${noun} ${key}: ${value}, so that ${effect}`,
      remedy: `take the ${noun} away${remedy === '' ? '' : `, ${remedy}`}`,
    };
  });
}

function isGiven({ values, keeps }: Directive, kind: string, value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return values(value) && !(keeps === true && kind === 'PersistentVolumeClaim');
}
