/**
 * Kinds that belong to no namespace, by API group: all of Kubernetes itself (1.36), and those of controllers that
 * releases and folders of objects often stand beside. Flux and Argo CD have none.
 */
const CLUSTER_SCOPED: Readonly<Record<string, string>> = {
  '': 'ComponentStatus Namespace Node PersistentVolume',
  'admissionregistration.k8s.io':
    'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration ' +
    'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration',
  'apiextensions.k8s.io': 'CustomResourceDefinition',
  'apiregistration.k8s.io': 'APIService',
  'authentication.k8s.io': 'SelfSubjectReview TokenReview',
  'authorization.k8s.io': 'SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview',
  'certificates.k8s.io': 'CertificateSigningRequest ClusterTrustBundle',
  'flowcontrol.apiserver.k8s.io': 'FlowSchema PriorityLevelConfiguration',
  'internal.apiserver.k8s.io': 'StorageVersion',
  'networking.k8s.io': 'IngressClass IPAddress ServiceCIDR',
  'node.k8s.io': 'RuntimeClass',
  'rbac.authorization.k8s.io': 'ClusterRole ClusterRoleBinding',
  'resource.k8s.io': 'DeviceClass DeviceTaintRule ResourcePoolStatusRequest ResourceSlice',
  'scheduling.k8s.io': 'PriorityClass',
  'storage.k8s.io': 'CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass',
  'storagemigration.k8s.io': 'StorageVersionMigration',

  'argoproj.io': 'ClusterAnalysisTemplate ClusterWorkflowTemplate',
  'cert-manager.io': 'ClusterIssuer',
  'eventing.keda.sh': 'ClusterCloudEventSource',
  'external-secrets.io': 'ClusterExternalSecret ClusterPushSecret ClusterSecretStore',
  'gateway.networking.k8s.io': 'GatewayClass',
  'generators.external-secrets.io': 'ClusterGenerator',
  'keda.sh': 'ClusterTriggerAuthentication',
  'kyverno.io': 'ClusterCleanupPolicy ClusterPolicy',
  'policies.kyverno.io':
    'DeletingPolicy GeneratingPolicy ImageValidatingPolicy MutatingPolicy ValidatingPolicy',
  'snapshot.storage.k8s.io': 'VolumeSnapshotClass VolumeSnapshotContent',
};

const KEYS: ReadonlySet<string> = new Set(
  Object.entries(CLUSTER_SCOPED).flatMap(([group, kinds]) =>
    kinds.split(' ').map((kind) => `${group}/${kind}`),
  ),
);

/**
 * Whether a kind is known to belong to no namespace. Of kinds that are not listed nobody can tell without an API
 * server.
 *
 * @param group without version; empty for Kubernetes' first one
 */
export function isClusterScoped(group: string, kind: string): boolean {
  return KEYS.has(`${group}/${kind}`);
}
