import * as z from 'zod';
import { duration, fields, listOf, mapOf } from '../props/fields.ts';

/** Labels and annotations of the apex Service. */
export interface ServiceMetadata extends z.infer<typeof serviceMetadata> {}

const serviceMetadata = fields({
  /** @default - none */
  labels: mapOf(z.string()).optional(),
  /** @default - none */
  annotations: mapOf(z.string()).optional(),
});

const trackService = fields({
  /**
   * Its name, such as that of a preview Service that people know.
   * @default - `<name>-primary` or `<name>-canary`
   */
  name: z.string().optional(),
  /**
   * Beside those by which monitors find the Services of an application.
   * @default - none
   */
  labels: mapOf(z.string()).optional(),
  /** @default - none */
  annotations: mapOf(z.string()).optional(),
});

/** A port besides the first one. */
export interface AnotherPort extends z.infer<typeof anotherPort> {}

const anotherPort = fields({
  port: z.number(),
  /**
   * Unique in the Service.
   * @default - `http-<port>`, or `tcp-<port>` where `appProtocol` is `tcp`
   */
  name: z.string().optional(),
  /**
   * Port of the pods, by number or name.
   * @default - same as `port`
   */
  targetPort: z.union([z.number(), z.string()]).optional(),
  /** @default - the mesh guesses from the port's name */
  appProtocol: z.string().optional(),
  /**
   * Port of every node that leads to the apex Service.
   * @default - the cluster chooses one where the type has node ports
   */
  nodePort: z.number().optional(),
});

/** What a cloud's load balancer is asked for, in the words of the Service API. */
const loadBalancer = fields({
  /** @default - the cluster's own */
  loadBalancerClass: z.string().optional(),
  /** CIDRs that may connect. @default - all */
  loadBalancerSourceRanges: listOf(z.string()).optional(),
  /** An address to ask for, where the cloud still reads this field. @default - the cloud chooses */
  loadBalancerIP: z.string().optional(),
  /** @default true */
  allocateLoadBalancerNodePorts: z.boolean().optional(),
  /** Port of every node that tells the load balancer whether it has pods. @default - the cluster chooses */
  healthCheckNodePort: z.number().optional(),
});

/** How the release is reached: one apex Service for its users, and one for each track. */
export interface ServiceProps extends z.infer<typeof serviceProps> {}

/** The schema of `ServiceProps`. */
export const serviceProps = fields({
  /** First port of the three Services; built-in checks are about this one. */
  port: z.number(),
  /** @default - `http`, or `tcp` where `appProtocol` is `tcp` */
  portName: z.string().optional(),
  /**
   * Port of the pods, by number or name.
   * @default - same as `port`
   */
  targetPort: z.union([z.number(), z.string()]).optional(),
  /**
   * Protocol of the port, such as `http`, `http2`, `grpc` or `tcp`; a mesh splits the last by connection.
   * @default - the mesh guesses from the port's name
   */
  appProtocol: z.string().optional(),
  /**
   * Port of every node that leads to the first port of the apex Service.
   * @default - the cluster chooses one where the type has node ports
   */
  nodePort: z.number().optional(),
  /**
   * Further ports of the three Services.
   * @default - none
   */
  ports: listOf(anotherPort).optional(),
  /**
   * Also serve every other port that the containers declare, save those of mesh sidecars.
   * @default false
   */
  portDiscovery: z.boolean().optional(),
  /**
   * Type of the apex Service; those of the tracks are reached within the cluster.
   * @default 'ClusterIP'
   */
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).optional(),
  /**
   * Of type LoadBalancer.
   * @default - the cloud's own
   */
  loadBalancer: loadBalancer.optional(),
  /**
   * Which nodes' pods get requests that come to a node port or load balancer of the apex Service.
   * @default 'Cluster'
   */
  externalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
  /**
   * Which nodes' pods get requests from within the cluster.
   * @default 'Cluster'
   */
  internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
  /**
   * Give the three Services no address of their own: names lead to the pods.
   * @default false
   */
  headless: z.boolean().optional(),
  /**
   * Keep the connections of a client's address on one pod, so long after its last one.
   * @default - connections go to any pod
   */
  sessionAffinity: fields({
    /** @default Duration.hours(3) */
    timeout: duration.optional(),
  }).optional(),
  /**
   * Preference for pods near the client, such as `PreferClose`.
   * @default - none
   */
  trafficDistribution: z.string().optional(),
  /** @default - the cluster's own */
  ipFamilies: listOf(z.enum(['IPv4', 'IPv6'])).optional(),
  /** @default - the cluster's own */
  ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']).optional(),
  /**
   * Whether names lead to pods that are not ready, too.
   * @default false
   */
  publishNotReadyAddresses: z.boolean().optional(),
  /**
   * Metadata of the apex Service, and of the routing object that Perch writes.
   * @default - none
   */
  apex: serviceMetadata.optional(),
  /**
   * Name and metadata of the primary's Service.
   * @default - `<name>-primary`
   */
  primary: trackService.optional(),
  /**
   * Name and metadata of the canary's Service.
   * @default - `<name>-canary`
   */
  canary: trackService.optional(),
});
