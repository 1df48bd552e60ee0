export { Duration } from 'cdk8s';
export type { AnalysisProps } from './analysis.ts';
export { Apps, renderAll } from './apps.ts';
export {
  type CheckDefinition,
  type LatencyProps,
  latency,
  type QueryProps,
  query,
  type SuccessRateProps,
  successRate,
} from './checks.ts';
export { images } from './images.ts';
export { type Mistake, MistakesError } from './mistake.ts';
export { Release } from './release.ts';
export type { ReleaseProps } from './release-props.ts';
export { type Rendered, render } from './render.ts';
export type { ServiceMetadata, ServiceProps } from './service.ts';
export {
  type CanaryProps,
  canary,
  type LinearCanaryProps,
  type ListedCanaryProps,
} from './strategy/canary.ts';
export type { StepDraft, Strategy } from './strategy/strategy.ts';
export { Testing } from './testing.ts';
export { istio } from './traffic/istio.ts';
export type {
  CorsPolicy,
  HeaderOperations,
  HttpHeaders,
  HttpMatch,
  HttpRetries,
  HttpRewrite,
  IstioProps,
  StringMatch,
  TrafficPolicy,
} from './traffic/istio-props.ts';
export type { BuiltInQueries, Router, RouterContext, Routing, Weights } from './traffic/router.ts';
export { type Verbatim, verbatim } from './verbatim.ts';
export type { WorkloadFactory } from './workload.ts';
