import { isObject, type JsonObject, objectAt } from '../../manifest/json.ts';
import { cidr, holds, isAddress, rangeOf } from './addresses.ts';
import {
  all,
  type Check,
  choice,
  count,
  fields,
  isEmpty,
  items,
  needed,
  oneOf,
  only,
  own,
  text,
  whole,
  wrong,
} from './check.ts';
import {
  isSubdomain,
  labelSelector,
  port,
  portName,
  portNumber,
  serviceName,
  subdomain,
  subdomainOrNone,
} from './names.ts';

const host: Check = text(
  (it) => {
    if (it === '') return true;
    if (it.includes('*'))
      return it.startsWith('*.') && it.length <= 253 && isSubdomain(it.slice(2));
    return isSubdomain(it) && !isAddress(it);
  },
  'a DNS name, or one after `*.`',
  'correct it',
);

const servicePort: Check = all(
  wrong(
    'number',
    (it) => Boolean(it.number) === !isEmpty(it.name),
    'must be given, or else name',
    'keep one of them',
  ),
  fields({
    number: (value, pointer) => (value === 0 ? [] : portNumber(value, pointer)),
    name: (value, pointer) => (value === '' ? [] : portName(value, pointer)),
  }),
);

const backend: Check = all(
  choice(['resource', 'service']),
  fields({
    service: all(fields({ name: serviceName }), (value, pointer) =>
      isObject(value) ? servicePort(objectAt(value, 'port'), `${pointer}/port`) : [],
    ),
    resource: all(needed('kind'), needed('name'), fields({ apiGroup: subdomain })),
  }),
);

const FOREIGN = /\/\/|\/\.\/|\/\.\.\/|%2f|%5c|\/\.\.?$/i;

const path: Check = all(
  fields({ pathType: oneOf('Exact', 'Prefix', 'ImplementationSpecific'), backend }),
  wrong(
    'path',
    ({ path: it = '', pathType }) =>
      typeof it === 'string' &&
      !it.startsWith('/') &&
      (it !== '' || pathType !== 'ImplementationSpecific'),
    'must begin with /',
    'put it first',
  ),
  wrong(
    'path',
    (it) => it.pathType !== 'ImplementationSpecific' && FOREIGN.test(String(it.path ?? '')),
    'must not have //, /./, /../, %2f or %5c in it',
    'leave it out',
  ),
);

const CLASS = 'kubernetes.io/ingress.class';

/** What an Ingress must keep. */
export const ingress: Check = all(
  fields({
    spec: all(
      needed(
        'rules',
        'where there is no defaultBackend',
        (it) => own(it, 'defaultBackend') === undefined,
      ),
      fields({
        ingressClassName: subdomain,
        defaultBackend: backend,
        rules: items(fields({ host, http: all(needed('paths'), fields({ paths: items(path) })) })),
        tls: items(fields({ hosts: items(host), secretName: subdomainOrNone })),
      }),
    ),
  }),
  (value, pointer) => {
    const given = own(objectAt(value, 'metadata', 'annotations'), CLASS);
    const name = own(objectAt(value, 'spec'), 'ingressClassName');
    if (given === undefined || name === undefined || given === name) return [];
    const problem = `must be the same as the annotation ${CLASS}`;
    return [
      {
        pointer: `${pointer}/spec/ingressClassName`,
        problem,
        got: name,
        remedy: 'leave the annotation out',
      },
    ];
  },
);

const policyPort: Check = all(
  fields({ protocol: oneOf('TCP', 'UDP', 'SCTP'), port, endPort: whole(1, 65_535) }),
  only('endPort', (it) => typeof it.port === 'number', 'with a port that is a number'),
  wrong(
    'endPort',
    (it) => Number(it.endPort) < Number(it.port),
    'must be at least port',
    'raise it',
  ),
);

const ipBlock: Check = all(fields({ cidr, except: items(cidr) }), (value, pointer) => {
  const outer = isObject(value) ? rangeOf(String(value.cidr)) : undefined;
  if (outer === undefined || !isObject(value)) return [];
  return fields({
    except: items((it, here) => {
      const inner = rangeOf(String(it));
      if (inner === undefined || holds(outer, inner)) return [];
      const problem = 'must be inside of cidr, and smaller';
      return [{ pointer: here, problem, got: it, remedy: 'correct it' }];
    }),
  })(value, pointer);
});

const peer: Check = all(
  wrong('podSelector', isNobody, 'must be given, or namespaceSelector or ipBlock', 'add it'),
  only(
    'ipBlock',
    (it) => own(it, 'podSelector') === undefined && own(it, 'namespaceSelector') === undefined,
    'without podSelector and namespaceSelector',
  ),
  fields({ podSelector: labelSelector, namespaceSelector: labelSelector, ipBlock }),
);

function isNobody(it: JsonObject): boolean {
  return ['podSelector', 'namespaceSelector', 'ipBlock'].every((key) => own(it, key) === undefined);
}

const sides = { ports: items(policyPort) };

/** What a NetworkPolicy must keep. */
export const networkPolicy: Check = fields({
  spec: fields({
    podSelector: labelSelector,
    ingress: items(fields({ ...sides, from: items(peer) })),
    egress: items(fields({ ...sides, to: items(peer) })),
    policyTypes: all(count(2), items(oneOf('Ingress', 'Egress'))),
  }),
});
