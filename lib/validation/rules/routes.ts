import { type Json, type JsonObject, listAt, objectAt } from '../../manifest/json.ts';
import {
  all,
  type Check,
  fields,
  items,
  needed,
  only,
  own,
  text,
  textOf,
  unique,
  when,
  wrong,
} from './check.ts';
import { secondsOf } from './durations.ts';

/** By the type of a filter, the field that says what it does. */
const FILTERS: Readonly<Record<string, string>> = {
  CORS: 'cors',
  ExtensionRef: 'extensionRef',
  RequestHeaderModifier: 'requestHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  ResponseHeaderModifier: 'responseHeaderModifier',
  URLRewrite: 'urlRewrite',
};

const ONCE = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
]);

const PREFIX = 'ReplacePrefixMatch';
const FULL = 'ReplaceFullPath';

const replaced: Check = all(
  ...[
    [PREFIX, 'replacePrefixMatch'],
    [FULL, 'replaceFullPath'],
  ].flatMap(([type = '', field = '']) => [
    wrong(
      field,
      (it) => it.type === type && own(it, field) === undefined,
      `must be given with type ${type}`,
      'add it',
    ),
    only(field, (it) => it.type === type, `with type ${type}`),
  ]),
);

/** A Service is reached by one of its ports. */
const port: Check = needed(
  'port',
  'for a Service',
  (it) => (own(it, 'kind') ?? 'Service') === 'Service' && (own(it, 'group') ?? '') === '',
);

const path = fields({ path: replaced });

const mirror: Check = only('fraction', (it) => own(it, 'percent') === undefined, 'without percent');

const filters: Check = all(
  unique(({ type }) => (ONCE.has(String(type)) ? String(type) : undefined), 'type'),
  items(
    all(
      ...Object.entries(FILTERS).flatMap(([type, field]) => [
        needed(
          field,
          `with type ${type}`,
          (it) => it.type === type && own(it, field) === undefined,
        ),
        only(field, (it) => it.type === type, `with type ${type}`),
      ]),
      fields({
        urlRewrite: path,
        requestRedirect: path,
        requestMirror: all(fields({ backendRef: port }), mirror),
      }),
    ),
  ),
);

const bothWays: Check = wrong(
  'filters',
  (it) => has(it, 'RequestRedirect') && has(it, 'URLRewrite'),
  'must not have both a RequestRedirect and a URLRewrite',
  'keep one of them',
);

function has(it: JsonObject, type: string): boolean {
  return listAt(it, 'filters').some((one) => one.type === type);
}

const CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;
const ODD = /\/\/|\/\.\/|\/\.\.\/|%2f|\/\.\.?$/i;

const matchedPath: Check = when(
  (it) => it.type !== 'RegularExpression',
  fields({
    value: text(
      (it) => it.startsWith('/') && CHARACTERS.test(it) && !ODD.test(it),
      'a path that begins with /, without //, /./, /../, # or %2F',
      'correct it',
    ),
  }),
);

/** A prefix can be replaced where one is matched, and nothing else. */
const prefixes: Check = wrong(
  'matches',
  (it) => replacesPrefix(it) && !isOnePrefix(own(it, 'matches')),
  `must be one PathPrefix with a filter that has ${PREFIX}`,
  'make a rule for each prefix',
);

function replacesPrefix(rule: JsonObject): boolean {
  return [rule, ...listAt(rule, 'backendRefs')]
    .flatMap((it) => listAt(it, 'filters'))
    .flatMap((it) => [objectAt(it, 'urlRewrite', 'path'), objectAt(it, 'requestRedirect', 'path')])
    .some((it) => it.type === PREFIX);
}

/** The server puts a match of / where there is none, and PathPrefix where a path has no type. */
function isOnePrefix(matches: Json | undefined): boolean {
  if (matches === undefined) return true;
  const [first, ...more] = Array.isArray(matches) ? matches : [];
  return more.length === 0 && (objectAt(first, 'path').type ?? 'PathPrefix') === 'PathPrefix';
}

const session: Check = needed(
  'absoluteTimeout',
  'with a cookie that is Permanent',
  (it) => objectAt(it, 'cookieConfig').lifetimeType === 'Permanent',
);

const SERVICE = /^\.?[a-z_]\w*(?:\.[a-z_]\w*)*$/i;

const method: Check = when(
  (it) => (own(it, 'type') ?? 'Exact') === 'Exact',
  all(
    fields({
      service: text(
        (it) => SERVICE.test(it),
        'the name of a gRPC service',
        'write it as package.Service',
      ),
      method: text((it) => /^[a-z_]\w*$/i.test(it), 'the name of a method', 'correct it'),
    }),
    wrong(
      'service',
      (it) => own(it, 'service') === undefined && own(it, 'method') === undefined,
      'must be given, or method',
      'add it',
    ),
  ),
);

const timeouts: Check = wrong(
  'backendRequest',
  (it) => {
    const all = secondsOf(String(it.request)) ?? 0;
    return all > 0 && (secondsOf(String(it.backendRequest)) ?? 0) > all;
  },
  'must be at most request',
  'lower it',
);

const backends: Check = items(all(port, fields({ filters }), bothWays));

const names: Check = unique(textOf('name'), 'name');

const MOST_MATCHES = 128;

const matches: Check = (value, pointer) => {
  const count = listAt({ rules: value }, 'rules').reduce(
    (sum, it) => sum + Math.max(1, listAt(it, 'matches').length),
    0,
  );
  if (count <= MOST_MATCHES) return [];
  const problem = `must have at most ${MOST_MATCHES} matches together`;
  return [{ pointer, problem, got: count, remedy: 'make another route of some rules' }];
};

const parent = (it: JsonObject) =>
  [
    own(it, 'group') ?? 'gateway.networking.k8s.io',
    own(it, 'kind') ?? 'Gateway',
    own(it, 'namespace') ?? '',
    own(it, 'name'),
  ].join('/');

const isWhole = (it: JsonObject) =>
  own(it, 'sectionName') === undefined && own(it, 'port') === undefined;

/** A Gateway that is named twice must be told apart by its listeners. */
const parentRefs: Check = all(
  unique(
    (it) =>
      isWhole(it)
        ? undefined
        : `${parent(it)}/${own(it, 'sectionName') ?? ''}/${own(it, 'port') ?? ''}`,
    'parent, sectionName and port',
  ),
  (value, pointer) => {
    const all = listAt({ value }, 'value');
    const counts = new Map<string, number>();
    for (const it of all) counts.set(parent(it), (counts.get(parent(it)) ?? 0) + 1);
    const named = wrong(
      'sectionName',
      (it) => (counts.get(parent(it)) ?? 0) > 1 && isWhole(it),
      'must be given, or port, where a parent is named twice',
      'add it, or leave one of them out',
    );
    return items(named)(value, pointer);
  },
);

/** What a route of HTTP must keep. */
export const httpRoute: Check = fields({
  spec: fields({
    parentRefs,
    rules: all(
      names,
      matches,
      items(
        all(
          fields({
            matches: items(fields({ path: matchedPath })),
            filters,
            backendRefs: backends,
            timeouts,
            sessionPersistence: session,
          }),
          bothWays,
          prefixes,
          wrong(
            'backendRefs',
            (it) => has(it, 'RequestRedirect') && listAt(it, 'backendRefs').length > 0,
            'must be empty with a RequestRedirect',
            'leave one of them out',
          ),
        ),
      ),
    ),
  }),
});

/** What a route of gRPC must keep. */
export const grpcRoute: Check = fields({
  spec: fields({
    parentRefs,
    rules: all(
      names,
      matches,
      items(
        fields({
          filters,
          matches: items(fields({ method })),
          backendRefs: items(all(port, fields({ filters }))),
          sessionPersistence: session,
        }),
      ),
    ),
  }),
});
