import { isObject, type Json, type JsonObject, type Manifest } from '../manifest/json.ts';
import { mapObjects } from '../manifest/manifest.ts';

/** Names before and after hashing, by kind. */
export interface HashedNames {
  readonly ConfigMap: ReadonlyMap<string, string>;
  readonly Secret: ReadonlyMap<string, string>;
}

/** A kind that gets hashed names. */
export type Referent = keyof HashedNames;

/**
 * Places of names, by what they name. A place is keys with spaces between them: lists are entered, and `**` is any
 * depth.
 */
type Places = { readonly [R in Referent]?: readonly string[] };

/** What the fields are called wherever the API's own types are used. */
const EVERYWHERE: Places = {
  ConfigMap: ['** configMapRef name', '** configMapKeyRef name'],
  // The last is Istio's.
  Secret: ['** secretRef name', '** secretKeyRef name', 'spec ** credentialName'],
};

const IN_PODS: Places = {
  ConfigMap: ['** configMap name'],
  Secret: [
    '** secret name',
    // Volumes of the kinds secret and azureFile have keys of their own for it.
    '** secret secretName',
    '** azureFile secretName',
    '** csi volumeAttributes secretName',
    '** nodePublishSecretRef name',
    'imagePullSecrets name',
  ],
};

const IN_TEMPLATES = below('spec template spec', IN_PODS);

/** How the Prometheus operator logs in at what it scrapes, and at what tells it where to scrape. */
const SCRAPE_SECRETS = words(`
  secret keySecret username password bearerTokenSecret credentials clientSecret tokenRef accessKey secretKey
  applicationSecret applicationCredentialSecret consumerKey
`);

/** The same at whom alerts are sent to. */
const ALERT_SECRETS = words(`
  apiURL apiKey apiSecret authPassword authSecret botToken routingKey serviceKey token tokenID urlSecret userKey webhookURL
  webhookUrl
`);

const IN_SCRAPES = ofOperator(SCRAPE_SECRETS);
const IN_ALERTS = ofOperator([...SCRAPE_SECRETS, ...ALERT_SECRETS]);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function ofOperator(secrets: readonly string[]): Places {
  return {
    ConfigMap: ['spec ** configMap name'],
    Secret: [...secrets, 'proxyConnectHeader **'].map((it) => `spec ** ${it} name`),
  };
}

const TRAEFIK_TLS: Places = { Secret: ['spec tls secretName'] };
const TRAEFIK_TRANSPORT: Places = {
  ConfigMap: ['spec ** rootCAs configMap'],
  Secret: [
    'spec ** rootCAs secret',
    'spec ** rootCAsSecrets',
    'spec ** certificatesSecrets',
    'spec spiffe secret',
  ],
};
const KEDA_TARGETS: Places = {
  ConfigMap: ['spec configMapTargetRef name'],
  Secret: ['spec secretTargetRef name'],
};

const NGINX = 'metadata annotations nginx.ingress.kubernetes.io';
const OF_INGRESS: Places = {
  ConfigMap: [`${NGINX}/auth-proxy-set-headers`, `${NGINX}/custom-headers`],
  Secret: [
    'spec tls secretName',
    ...['auth-secret', 'auth-tls-secret', 'proxy-ssl-secret'].map((it) => `${NGINX}/${it}`),
  ],
};

/** By kind; who else has a kind of this name and names likewise is meant as well. */
const PLACES = new Map<string, Places>([
  ['Deployment', IN_TEMPLATES],
  ['DaemonSet', IN_TEMPLATES],
  ['StatefulSet', IN_TEMPLATES],
  ['Job', IN_TEMPLATES],
  ['CronJob', below('spec jobTemplate spec template spec', IN_PODS)],
  ['ScaledJob', below('spec jobTargetRef template spec', IN_PODS)],
  ['ServiceAccount', { Secret: ['imagePullSecrets name', 'secrets name'] }],
  ['Ingress', OF_INGRESS],
  ['Gateway', { Secret: ['spec ** certificateRefs name', 'spec ** clientCertificateRef name'] }],
  ['PodMonitor', IN_SCRAPES],
  ['ServiceMonitor', IN_SCRAPES],
  ['Probe', IN_SCRAPES],
  ['ScrapeConfig', IN_SCRAPES],
  ['AlertmanagerConfig', IN_ALERTS],
  ['TriggerAuthentication', KEDA_TARGETS],
  [
    'ExternalSecret',
    {
      ConfigMap: ['spec target template templateFrom configMap name'],
      Secret: ['spec target template templateFrom secret name'],
    },
  ],
  [
    'Middleware',
    {
      Secret: [
        'spec basicAuth secret',
        'spec digestAuth secret',
        'spec forwardAuth tls caSecret',
        'spec forwardAuth tls certSecret',
      ],
    },
  ],
  ['TLSOption', { Secret: ['spec clientAuth secretNames'] }],
  ['TLSStore', { Secret: ['spec defaultCertificate secretName', 'spec certificates secretName'] }],
  ['IngressRoute', TRAEFIK_TLS],
  ['IngressRouteTCP', TRAEFIK_TLS],
  ['ServersTransport', TRAEFIK_TRANSPORT],
  ['ServersTransportTCP', TRAEFIK_TRANSPORT],
]);

function below(prefix: string, places: Places): Places {
  const under = (all: readonly string[] = []) => all.map((it) => `${prefix} ${it}`);
  return { ConfigMap: under(places.ConfigMap), Secret: under(places.Secret) };
}

/** An object with the hashed names wherever it names a ConfigMap or Secret of the workload. */
export function withHashedNames(object: Manifest, names: HashedNames): Manifest {
  if (names.ConfigMap.size + names.Secret.size === 0) return object;
  let changed: Json = mapObjects(object, (it) => ofKind(it, object, names));
  for (const places of [EVERYWHERE, PLACES.get(object.kind) ?? {}])
    for (const referent of REFERENTS)
      for (const place of places[referent] ?? []) {
        const keys = place.split(' ');
        if (keys.some((it) => isOutput(object, it))) continue;
        const rename: Rename = (text, holder) =>
          isElsewhere(holder, referent, object) ? text : hashedName(text, names[referent], object);
        changed = at(changed, keys, rename);
      }
  return isObject(changed) ? { ...object, ...changed } : object;
}

/** All of them. */
export const REFERENTS: readonly Referent[] = ['ConfigMap', 'Secret'];

/** Whether a key names a Secret that cert-manager writes. */
export function isOutput({ kind, metadata }: Manifest, key: string): boolean {
  if (key === 'privateKeySecretRef') return true;
  if (key !== 'secretName' && key !== 'certificateRefs') return false;
  const isIssued = /^(?:cert-manager\.io\/(?:cluster-)?issuer|kubernetes\.io\/tls-acme)$/;
  return (
    kind === 'Certificate' ||
    Object.keys(metadata.annotations ?? {}).some((it) => isIssued.test(it))
  );
}

type Rename = (text: string, holder: JsonObject) => string;

function at(value: Json, place: readonly string[], rename: Rename, holder: JsonObject = {}): Json {
  const [key, ...rest] = place;
  if (Array.isArray(value)) return value.map((it) => at(it, place, rename, holder));
  if (key === undefined) return typeof value === 'string' ? rename(value, holder) : value;
  if (!isObject(value)) return value;
  if (key === '**') {
    const here = at(value, rest, rename);
    if (!isObject(here)) return here;
    const inner = Object.entries(here).map(([name, it]) => {
      const isDeeper = typeof it === 'object' && it !== null;
      return [name, isDeeper ? at(it, place, rename, here) : it] as const;
    });
    return Object.fromEntries(inner);
  }
  const inner = value[key];
  return inner === undefined ? value : { ...value, [key]: at(inner, rest, rename, value) };
}

/** Whether something of another kind, or in another namespace, is named. */
export function isElsewhere(
  { kind, namespace }: JsonObject,
  referent: Referent,
  of: Manifest,
): boolean {
  return (
    (typeof kind === 'string' && kind !== referent) ||
    (typeof namespace === 'string' && namespace !== of.metadata.namespace)
  );
}

/** The hashed name for a name, which can be written as `<namespace>/<name>`; any other text stays. */
export function hashedName(text: string, names: ReadonlyMap<string, string>, of: Manifest): string {
  const prefix = `${of.metadata.namespace}/`;
  const start = text.startsWith(prefix) ? prefix : '';
  const hashed = names.get(text.slice(start.length));
  return hashed === undefined ? text : `${start}${hashed}`;
}

/** References that say the kind of what they name, and the rules of a Role. */
function ofKind(it: JsonObject, of: Manifest, names: HashedNames): JsonObject {
  if (it.metadata !== undefined) return it;
  const { kind, name, group = '', apiVersion = 'v1', resources, resourceNames } = it;
  const referent = REFERENTS.find((one) => one === kind);
  const isCore = group === '' && apiVersion === 'v1';
  if (referent !== undefined && isCore && typeof name === 'string')
    return isElsewhere(it, referent, of)
      ? it
      : { ...it, name: hashedName(name, names[referent], of) };
  if (!Array.isArray(resources) || !Array.isArray(resourceNames)) return it;
  const ruled = REFERENTS.filter((one) =>
    [`${one.toLowerCase()}s`, '*'].some((it) => resources.includes(it)),
  );
  const renamed = resourceNames.flatMap((one: Json): readonly Json[] => {
    if (typeof one !== 'string') return [one];
    const hashed = ruled.flatMap((referent) => names[referent].get(one) ?? []);
    return hashed.length === 0 ? [one] : hashed;
  });
  return { ...it, resourceNames: renamed };
}
