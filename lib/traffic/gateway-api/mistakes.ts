import type { Mistake, Reproof } from '../../mistake.ts';
import type { RouterContext } from '../router.ts';
import { supports, WHOLE } from './capabilities.ts';
import type { GatewayApiProps, GrpcMethodMatch, HeaderModifier } from './props.ts';

/** What the props of a route got wrong: for the most part rules of the API server that no schema holds. */
export function routeMistakes(props: GatewayApiProps, context: RouterContext): Mistake[] {
  return RULES.flatMap((rule) => rule(props, context)).map((it) => ({ path: context.path, ...it }));
}

const RULES: readonly ((props: GatewayApiProps, context: RouterContext) => readonly Reproof[])[] = [
  function noParent({ parentRefs }) {
    if (parentRefs.length > 0) return [];
    const remedy = 'name the Gateway that shall route by it';
    return [{ problem: 'traffic.parentRefs is empty', got: parentRefs, remedy }];
  },
  function doubledParents({ parentRefs }) {
    const keys = parentRefs.map(({ group, kind, namespace, name, sectionName, port }) => ({
      parent: [group, kind, namespace, name].join('/'),
      whole: [group, kind, namespace, name, sectionName, port].join('/'),
      part: sectionName ?? port,
    }));
    return parentRefs
      .filter((_, index) => {
        const { parent, whole, part } = keys[index] ?? {};
        const others = keys.filter((it, at) => at !== index && it.parent === parent);
        const first = keys.findIndex((it) => it.whole === whole);
        return others.length > 0 && (part === undefined || first < index);
      })
      .map((got) => ({
        problem: 'traffic.parentRefs names one parent twice',
        got,
        remedy: 'give each of them a sectionName or a port of its own, or leave one out',
      }));
  },
  function experimental(props) {
    if (props.channel === 'experimental') return [];
    return (['retry', 'sessionPersistence'] as const)
      .filter((key) => key in props)
      .map((key) => ({
        problem: `traffic.${key} is in the experimental channel of the Gateway API alone`,
        got: 'channel: standard',
        remedy: `install that channel and say \`channel: 'experimental'\`, or leave ${key} out`,
      }));
  },
  function repeatedFilters({ filters = [] }) {
    const once = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'URLRewrite'];
    return once
      .filter((type) => filters.filter((it) => it.type === type).length > 1)
      .map((got) => ({
        problem: 'traffic.filters holds two filters of one type',
        got,
        remedy: 'write them as one',
      }));
  },
  function prefixRewrite(props) {
    if (props.kind === 'GRPCRoute') return [];
    const { filters = [], matches = [] } = props;
    const paths = matches.map((it) => it.path?.type ?? 'PathPrefix');
    const isPrefix = (it: (typeof filters)[number]) =>
      it.type === 'URLRewrite' && it.urlRewrite.path?.type === 'ReplacePrefixMatch';
    if (!filters.some(isPrefix) || matches.length === 0) return [];
    if (paths.length === 1 && paths[0] === 'PathPrefix') return [];
    return [
      {
        problem:
          'traffic.filters replaces a prefix where there is not exactly one PathPrefix match',
        got: matches,
        remedy: 'leave one match with a path of type PathPrefix, or use ReplaceFullPath',
      },
    ];
  },
  function mirrorToTrack({ filters = [] }, { names }) {
    return filters.flatMap((it) => {
      if (it.type !== 'RequestMirror') return [];
      const { name, namespace = names.namespace } = it.requestMirror.backendRef;
      const tracks = [names.primary, names.canary, names.baseline];
      const own = tracks.includes(name) && namespace === names.namespace;
      const remedy = 'mirror to a Service of its own: copies would count in the canary’s checks';
      return own ? [{ problem: 'traffic.filters mirrors to a track', got: name, remedy }] : [];
    });
  },
  function partOfMirror(props) {
    if (supports(props, 'mirrorPercent')) return [];
    return (props.filters ?? []).flatMap((it) => {
      if (it.type !== 'RequestMirror') return [];
      const whole: object = it.requestMirror;
      if (!('percent' in whole || 'fraction' in whole)) return [];
      const problem = `traffic.filters cannot copy a part of the requests: ${WHOLE.because}`;
      return [{ problem, got: whole, remedy: WHOLE.remedy }];
    });
  },
  function attemptsBeyondRequest(props) {
    if (props.kind === 'GRPCRoute') return [];
    const { request, backendRequest } = props.timeouts ?? {};
    if (request === undefined || backendRequest === undefined) return [];
    const [all, one] = [request, backendRequest].map((it) =>
      it.toMilliseconds({ integral: false }),
    );
    if (all === undefined || one === undefined || all === 0 || one <= all) return [];
    return [
      {
        problem: 'traffic.timeouts.backendRequest is longer than traffic.timeouts.request',
        got: `${one} ms and ${all} ms`,
        remedy: 'shorten one attempt, or give the request more time',
      },
    ];
  },
  function permanentCookie({ sessionPersistence }) {
    const { cookieConfig, absoluteTimeout } = sessionPersistence ?? {};
    if (cookieConfig?.lifetimeType !== 'Permanent' || absoluteTimeout !== undefined) return [];
    return [
      {
        problem: 'traffic.sessionPersistence has a permanent cookie that never ends',
        got: sessionPersistence,
        remedy: 'give absoluteTimeout',
      },
    ];
  },
  function paths(props) {
    if (props.kind === 'GRPCRoute') return [];
    return (props.matches ?? []).flatMap(({ path }, index) =>
      path === undefined || path.type === 'RegularExpression' || isPath(path.value)
        ? []
        : [
            {
              problem: `traffic.matches[${index}].path is not an absolute path`,
              got: path.value,
              remedy: 'begin it with /, without //, /./, /../, %2F and #',
            },
          ],
    );
  },
  function methods(props) {
    if (props.kind !== 'GRPCRoute') return [];
    return (props.matches ?? []).flatMap(({ method }, index) =>
      method === undefined || method.type === 'RegularExpression' || isMethod(method)
        ? []
        : [
            {
              problem: `traffic.matches[${index}].method names no gRPC service or method`,
              got: method,
              remedy: 'use names such as package.Service and Method',
            },
          ],
    );
  },
  function doubledNames(props) {
    const headers = (props.matches ?? []).map((it) => it.headers);
    const parameters =
      props.kind === 'GRPCRoute' ? [] : (props.matches ?? []).map((it) => it.queryParams);
    const lists = [...headers, ...modifiers(props).flatMap((it) => [it.set, it.add])];
    const lower = lists.map((list) => (list ?? []).map((it) => it.name.toLowerCase()));
    const exact = parameters.map((list) => (list ?? []).map((it) => it.name));
    return [...lower, ...exact].flatMap(doubled).map((got) => ({
      problem: 'a header or query parameter stands twice in one list of traffic',
      got,
      remedy: 'keep one of them',
    }));
  },
];

function modifiers({ filters = [] }: GatewayApiProps): readonly HeaderModifier[] {
  return filters.flatMap((it) => {
    if (it.type === 'RequestHeaderModifier') return [it.requestHeaderModifier];
    return it.type === 'ResponseHeaderModifier' ? [it.responseHeaderModifier] : [];
  });
}

function doubled(names: readonly string[]): readonly string[] {
  return names.filter((it, index) => names.indexOf(it) < index);
}

/** Whether the API takes a path that is exact or a prefix. */
export function isPath(value: string): boolean {
  return (
    /^\/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/.test(value) &&
    !/\/\/|\/\.\.?(?:\/|$)|%2f/i.test(value)
  );
}

function isMethod({ service, method }: GrpcMethodMatch): boolean {
  const named = service !== undefined || method !== undefined;
  return (
    named &&
    (service === undefined || /^\.?[a-z_]\w*(?:\.[a-z_]\w*)*$/i.test(service)) &&
    (method === undefined || /^[a-z_]\w*$/i.test(method))
  );
}
