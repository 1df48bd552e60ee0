import { expect, test } from 'vitest';
import { RELEASE_KINDS } from '../../../lib/plan/policy.ts';
import { isClusterScoped } from '../../../lib/plan/scope.ts';

test.each([
  ['', 'Namespace'],
  ['', 'Node'],
  ['', 'PersistentVolume'],
  ['admissionregistration.k8s.io', 'MutatingWebhookConfiguration'],
  ['admissionregistration.k8s.io', 'ValidatingAdmissionPolicy'],
  ['admissionregistration.k8s.io', 'ValidatingAdmissionPolicyBinding'],
  ['admissionregistration.k8s.io', 'ValidatingWebhookConfiguration'],
  ['apiextensions.k8s.io', 'CustomResourceDefinition'],
  ['apiregistration.k8s.io', 'APIService'],
  ['cert-manager.io', 'ClusterIssuer'],
  ['certificates.k8s.io', 'CertificateSigningRequest'],
  ['flowcontrol.apiserver.k8s.io', 'FlowSchema'],
  ['flowcontrol.apiserver.k8s.io', 'PriorityLevelConfiguration'],
  ['gateway.networking.k8s.io', 'GatewayClass'],
  ['keda.sh', 'ClusterTriggerAuthentication'],
  ['networking.k8s.io', 'IngressClass'],
  ['node.k8s.io', 'RuntimeClass'],
  ['rbac.authorization.k8s.io', 'ClusterRole'],
  ['rbac.authorization.k8s.io', 'ClusterRoleBinding'],
  ['resource.k8s.io', 'DeviceClass'],
  ['resource.k8s.io', 'ResourceSlice'],
  ['scheduling.k8s.io', 'PriorityClass'],
  ['storage.k8s.io', 'CSIDriver'],
  ['storage.k8s.io', 'StorageClass'],
  ['storage.k8s.io', 'VolumeAttachment'],
  ['storage.k8s.io', 'VolumeAttributesClass'],
])('no namespace holds %s/%s', (group, kind) => {
  expect(isClusterScoped(group, kind)).toBe(true);
});

test.each([
  ['', 'Service'],
  ['cert-manager.io', 'Issuer'],
  ['example.com', 'Namespace'],
  ['gateway.networking.k8s.io', 'Gateway'],
  ['keda.sh', 'TriggerAuthentication'],
  ['resource.k8s.io', 'ResourceClaim'],
  ['storage.k8s.io', 'CSIStorageCapacity'],
  ['', 'toString'],
])('a namespace holds %s/%s, as far as is known', (group, kind) => {
  expect(isClusterScoped(group, kind)).toBe(false);
});

test('releases may hold no such kind', () => {
  const held = RELEASE_KINDS.map((it) => it.replace(/^core\//, '/').split('/'));
  expect(held.filter(([group = '', kind = '']) => isClusterScoped(group, kind))).toEqual([]);
});
