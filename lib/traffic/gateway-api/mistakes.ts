import type { Mistake, Reproof } from '../../mistake.ts';
import type { RouterContext } from '../router.ts';
import { supports, WHOLE } from './capabilities.ts';
import type { GatewayApiProps, HeaderModifier } from './props.ts';

/** What the props of a route got wrong: beyond what the API server would refuse of the route itself. */
export function routeMistakes(props: GatewayApiProps, context: RouterContext): Mistake[] {
  return RULES.flatMap((rule) => rule(props, context)).map((it) => ({ path: context.path, ...it }));
}

const RULES: readonly ((props: GatewayApiProps, context: RouterContext) => readonly Reproof[])[] = [
  function noParent({ parentRefs, routes }) {
    if (routes !== undefined || (parentRefs ?? []).length > 0) return [];
    const problem = `traffic.parentRefs is ${parentRefs === undefined ? 'missing' : 'empty'}`;
    const remedy =
      'name the Gateway that shall route by it, or routes of your own in traffic.routes';
    return [{ problem, got: parentRefs, remedy }];
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
