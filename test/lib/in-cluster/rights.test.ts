import { expect, test } from 'vitest';
import {
  AnalyzerRights,
  type AnalyzerRightsProps,
  type ManifestsFactory,
} from '../../../lib/index.ts';
import { folderOf, mistakesIn, twoReleases } from '../folder.ts';

const subject = { kind: 'ServiceAccount', name: 'perch', namespace: 'perch' } as const;
type More = Partial<AnalyzerRightsProps>;

function folder(props: More = {}, apps = twoReleases()) {
  return folderOf(
    (scope, plans) => void new AnalyzerRights(scope, 'rights', { plans, subject, ...props }),
    apps,
  );
}

const ISTIO = {
  apiGroups: ['networking.istio.io'],
  resources: ['destinationrules', 'virtualservices'],
  verbs: ['get'],
};
const CORE = { apiGroups: [''], resources: ['services'], verbs: ['get'] };
const APPS = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] };
const HPA = {
  apiGroups: ['autoscaling'],
  resources: ['horizontalpodautoscalers'],
  verbs: ['get'],
};

test('a Role in each namespace, with what the plans ask for there', async () => {
  const objects = await folder();
  expect([...objects.keys()]).toEqual([
    'Role prod/perch',
    'RoleBinding prod/perch',
    'Role web/perch',
    'RoleBinding web/perch',
  ]);
  expect(objects.get('Role prod/perch')?.rules).toEqual([CORE, APPS, HPA, ISTIO]);
  expect(objects.get('Role web/perch')?.rules).toEqual([CORE, APPS, ISTIO]);
  expect(objects.get('RoleBinding web/perch')).toMatchObject({
    roleRef: { kind: 'Role', name: 'perch' },
    subjects: [{ kind: 'ServiceAccount', name: 'perch', namespace: 'perch' }],
  });
});

test('one ClusterRole, for another kind of account', async () => {
  const objects = await folder({
    clusterWide: true,
    name: 'reader',
    subject: { kind: 'User', name: 'perch@other' },
  });
  expect([...objects.keys()]).toEqual(['ClusterRole reader', 'ClusterRoleBinding reader']);
  expect(objects.get('ClusterRole reader')?.rules).toEqual([CORE, APPS, HPA, ISTIO]);
  expect(objects.get('ClusterRoleBinding reader')).toMatchObject({
    roleRef: { kind: 'ClusterRole', name: 'reader' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'perch@other' }],
  });
});

test('what applies is read where it is, and Events are the only thing that is written', async () => {
  const resource = { group: 'kustomize.toolkit.fluxcd.io', name: 'kustomizations' };
  const objects = await folder({
    sync: { tool: 'flux', namespace: 'prod', resource },
    events: true,
  });
  expect(objects.get('Role prod/perch-sync')?.rules).toEqual([
    { apiGroups: [resource.group], resources: ['kustomizations'], verbs: ['get'] },
  ]);
  const events = { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] };
  expect(objects.get('Role prod/perch-events')?.rules).toEqual([events]);
  expect(objects.get('Role web/perch-events')?.rules).toEqual([events]);
});

test('a kind that leaves may be read for as long as it stands here', async () => {
  const leaving = [
    { namespace: 'web', group: 'autoscaling', kind: 'HorizontalPodAutoscaler' },
    { namespace: 'old', group: '', kind: 'Service' },
  ];
  const objects = await folder({ leaving });
  expect(objects.get('Role web/perch')?.rules).toEqual([CORE, APPS, HPA, ISTIO]);
  expect(objects.get('Role old/perch')?.rules).toEqual([CORE]);
});

test('a kind of a group that nothing is known of is named by the author, never guessed', async () => {
  const object = { apiVersion: 'example.com/v1', kind: 'Mouse', metadata: { name: 'a' } };
  const make =
    (props: More): ManifestsFactory =>
    (scope, plans) =>
      void new AnalyzerRights(scope, 'rights', { plans, subject, ...props });
  expect(await mistakesIn(make({}), twoReleases(object, ['example.com/Mouse']))).toEqual([
    'folder/rights: a release holds a kind whose name in Roles is not known, got "example.com/Mouse"; ' +
      "give it with resources: { 'example.com/Mouse': '…' }; kubectl api-resources lists the names",
  ]);
  const objects = await folder(
    { resources: { 'example.com/Mouse': 'mice' } },
    twoReleases(object, ['example.com/Mouse']),
  );
  expect(objects.get('Role web/perch')?.rules).toContainEqual({
    apiGroups: ['example.com'],
    resources: ['mice'],
    verbs: ['get'],
  });
});

test('Secrets are refused, whoever asks for them', async () => {
  const leaving = [{ namespace: 'web', group: '', kind: 'Secret' }];
  const found = await mistakesIn(
    (scope, plans) => void new AnalyzerRights(scope, 'rights', { plans, subject, leaving }),
  );
  expect(found).toEqual(['folder/rights: Secrets are never read, got "Secret"; leave it out']);
});
