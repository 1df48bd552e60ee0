import { at } from '../../plan/pointer.ts';
import {
  destination,
  type HeldObject,
  listIn,
  numberIn,
  type Reach,
  type Rule,
  rulesOfRoutes,
} from '../reach.ts';

/** By the HTTPRoutes or GRPCRoutes that lead to the release. */
export const gatewayApiReach: Reach = (objects, apex) =>
  rulesOfRoutes(objects, { kinds: ['HTTPRoute', 'GRPCRoute'], apex }, (route) =>
    listIn(route, '/spec/rules').map((it) => ruleOf(it, objects)),
  );

function ruleOf(rule: unknown, objects: readonly HeldObject[]): Rule {
  const place = (name: unknown, weight: number) =>
    destination(objects, { service: String(name), weight });
  return {
    asks: listIn(rule, '/matches'),
    to: listIn(rule, '/backendRefs').map((it) =>
      place(at(it, '/name'), numberIn(it, '/weight', 1)),
    ),
    copies: listIn(rule, '/filters')
      .map((it) => at(it, '/requestMirror'))
      .filter((it) => it !== undefined)
      .map((it) => place(at(it, '/backendRef/name'), numberIn(it, '/percent', 100))),
  };
}
