import { cancel, intro, isCancel, select, text } from '@clack/prompts';
import { type Choices, DEFAULTS } from '../scaffold/choices.ts';
import { choiceMistake, type TextChoice } from '../scaffold/mistakes.ts';
import { UsageError } from '../usage-error.ts';

/** Asks a person for what no flag has said. @throws UsageError where they leave */
export async function askChoices(given: Partial<Choices>): Promise<Choices> {
  intro('A repository of releases. Enter takes what is suggested.');
  const release =
    given.release ?? (await line('release', 'Name of the first release', DEFAULTS.release));
  const namespace = given.namespace ?? (await line('namespace', 'Its namespace', release));
  const image = given.image ?? (await line('image', 'Its image, with tag', DEFAULTS.image));
  const port =
    given.port ?? Number(await line('port', 'Port of its container', String(DEFAULTS.port)));
  const router = given.router ?? (await one('What splits its traffic?', ROUTER_LABELS));
  const sync = given.sync ?? (await one('What syncs the cluster with Git?', SYNC_LABELS));
  const ci = given.ci ?? (await one('Which CI proves that dist/ is current?', CI_LABELS));
  const rest = { release, namespace, image, port, router, ci };
  const { packageManager = DEFAULTS.packageManager } = given;
  if (sync === 'later') return { ...DEFAULTS, ...given, ...rest, packageManager, sync: undefined };
  const repository =
    given.repository ??
    (await line('repository', 'Address of the Git repository', DEFAULTS.repository));
  const prometheus =
    given.prometheus ?? (await line('prometheus', 'Address of Prometheus', DEFAULTS.prometheus));
  return { ...rest, packageManager, sync, repository, prometheus };
}

const ROUTER_LABELS: Readonly<Record<Choices['router'], string>> = {
  istio: 'Istio',
  'gateway-api': 'The Gateway API',
  kubernetes: 'Nothing: plain Services',
};

const CI_LABELS: Readonly<Record<Choices['ci'], string>> = {
  github: 'GitHub Actions',
  gitlab: 'GitLab CI',
  none: 'None, or another one',
};

const SYNC_LABELS = {
  flux: 'Flux',
  'argo-cd': 'Argo CD',
  later: 'I decide later',
} as const;

async function line(field: TextChoice, message: string, suggested: string): Promise<string> {
  const answer = await text({
    message,
    placeholder: suggested,
    defaultValue: suggested,
    validate: (value) =>
      value === undefined || value === '' ? undefined : choiceMistake(field, value),
  });
  return answered(answer);
}

/** One of the keys of `labels`. */
async function one<T extends string>(
  message: string,
  labels: Readonly<Record<T, string>>,
): Promise<T> {
  const options = Object.entries<string>(labels).map(([value, label]) => ({ value, label }));
  const value = answered(await select({ message, options }));
  const isKey = (it: string): it is T => Object.hasOwn(labels, it);
  if (!isKey(value)) throw new Error(`a choice that was not offered: ${value}`);
  return value;
}

function answered(value: string | symbol): string {
  if (!isCancel(value) && typeof value === 'string') return value;
  cancel('Nothing was written.');
  throw new UsageError('the questions were not answered: nothing was written');
}
