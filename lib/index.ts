export { Duration } from 'cdk8s';
export type { AnalysisProps } from './analysis/analysis.ts';
export {
  type CheckDefinition,
  type LatencyProps,
  latency,
  type QueryProps,
  query,
  type SuccessRateProps,
  successRate,
} from './analysis/checks.ts';
export {
  type CompareErrorRateProps,
  type CompareLatencyProps,
  compare,
} from './analysis/compare.ts';
export type { EvidenceProps } from './analysis/evidence.ts';
export {
  confirmPromotion,
  confirmRollout,
  confirmTrafficIncrease,
  event,
  type HookDefinition,
  type HookProps,
  type PreRolloutProps,
  postRollout,
  preRollout,
  type RolloutProps,
  rollback,
  rollout,
} from './analysis/hooks.ts';
export type { CompareMetricProps, MetricDefinition } from './analysis/metric.ts';
export { type SloErrorRateProps, type SloLatencyProps, slo } from './analysis/slo.ts';
export type { TestDefinition } from './analysis/tests.ts';
export { Apps, type RenderedApps, renderAll } from './apps.ts';
export { Atomic } from './atomic.ts';
export { type ArgoCdProps, argoCd } from './gitops/argo-cd.ts';
export { type FluxProps, flux } from './gitops/flux.ts';
export {
  type FluxImage,
  type FluxImagesProps,
  fluxImages,
  type TagChoice,
} from './gitops/flux-images.ts';
export type { Repository } from './gitops/repository.ts';
export type { Sync } from './gitops/sync.ts';
export { Analyzer } from './in-cluster/analyzer.ts';
export type {
  AnalyzerMode,
  AnalyzerProps,
  ChannelsAccess,
  ClustersAccess,
  GitAccess,
  GitHostAccess,
  HooksAccess,
  MetricsAccess,
  NetworkProps,
  Peers,
  PublicFile,
  PublicFolder,
  SecretFile,
  SecretFolder,
} from './in-cluster/analyzer-props.ts';
export type { MonitoringProps } from './in-cluster/monitoring.ts';
export type { KindIn } from './in-cluster/resources.ts';
export {
  AnalyzerRights,
  type AnalyzerRightsProps,
  type RightsOptions,
  type Subject,
} from './in-cluster/rights.ts';
export type { ObjectChoice, ObjectPatch } from './include/choice.ts';
export { type HelmProps, helm } from './include/helm.ts';
export { type IncludeProps, include } from './include/include.ts';
export { Manifests, type ManifestsFactory, type RenderedManifests } from './manifests.ts';
export type {
  Counts,
  Failures,
  Histogram,
  Matcher,
  RequestCounts,
  Selector,
  Uncounted,
} from './metrics/counts.ts';
export { type Mistake, MistakesError } from './mistake.ts';
export type { Plan } from './plan/plan.ts';
export type { ExistingServices } from './release/existing.ts';
export { images } from './release/images.ts';
export { type JobDefinition, job } from './release/jobs.ts';
export { Release } from './release/release.ts';
export type { ReleaseProps, TrackProps } from './release/release-props.ts';
export type { Day, DependsOn, HoursProps, Phase } from './release/schedule.ts';
export { type Verbatim, verbatim } from './release/verbatim.ts';
export { type Rendered, render } from './render/render.ts';
export { type AbTestProps, abTest } from './strategy/ab-test.ts';
export { type BlueGreenProps, blueGreen } from './strategy/blue-green.ts';
export {
  type CanaryProps,
  type CommonCanaryProps,
  canary,
  type ExponentialCanaryProps,
  type LinearCanaryProps,
  type ListedCanaryProps,
  type MirroredStepProps,
  type StepWeight,
} from './strategy/canary.ts';
export type { BakeProps, OwnChecksProps } from './strategy/judged.ts';
export { type RampedProps, ramped, recreate } from './strategy/one-track.ts';
export { type PartitionsProps, partitions } from './strategy/partitions.ts';
export { shadow } from './strategy/shadow.ts';
export { steps } from './strategy/steps.ts';
export type {
  Analysis,
  Baseline,
  CommonItem,
  HeaderRoute,
  MirrorRoute,
  Pause,
  RunJob,
  SetCanaryScale,
  SetWeight,
  StepItem,
} from './strategy/steps-props.ts';
export type { Scale, StepDraft, Strategy } from './strategy/strategy.ts';
export { Testing } from './testing.ts';
export type {
  Ability,
  Capabilities,
  Inability,
  Limit,
  MatchPart,
  Shares,
} from './traffic/capabilities.ts';
export type { Claim } from './traffic/claim.ts';
export { gatewayApi } from './traffic/gateway-api/gateway-api.ts';
export type {
  ExtensionRef,
  GatewayApiProps,
  GatewaySupport,
  GrpcMethodMatch,
  GrpcRouteFilter,
  GrpcRouteMatch,
  GrpcRouteProps,
  HeaderModifier,
  HeaderValue,
  HttpRouteFilter,
  HttpRouteMatch,
  HttpRouteProps,
  HttpRouteRetry,
  HttpRouteTimeouts,
  ParentRef,
  PathMatch,
  PathModifier,
  RequestMirror,
  SessionPersistence,
  UrlRewrite,
  ValueMatch,
} from './traffic/gateway-api/props.ts';
export {
  type GatewayServer,
  type GatewayTls,
  type IstioGatewayProps,
  istioGateway,
  type TlsVersion,
  type TlsVersions,
} from './traffic/istio/gateway.ts';
export { istio } from './traffic/istio/istio.ts';
export type {
  CorsPolicy,
  HeaderOperations,
  HttpHeaders,
  HttpMatch,
  HttpRetries,
  HttpRewrite,
  IstioProps,
  StringMatch,
  Subsets,
  TrafficPolicy,
} from './traffic/istio/props.ts';
export { type KubernetesProps, kubernetes } from './traffic/kubernetes/kubernetes.ts';
export type {
  ApiKind,
  ReleaseContext,
  Router,
  RouterContext,
  Routing,
  Split,
} from './traffic/router.ts';
export type {
  MatchedRoute,
  Mirror,
  RequestMatch,
  SessionCookie,
  TextMatch,
  Traffic,
  Weights,
} from './traffic/traffic.ts';
export type { AnotherPort, ServiceMetadata, ServiceProps } from './workload/service-props.ts';
export type { WorkloadFactory } from './workload/workload.ts';
