import { at } from '../../plan/pointer.ts';
import {
  destination,
  type HeldObject,
  lastForAll,
  listIn,
  named,
  numberIn,
  type Reach,
  type Rule,
} from '../reach.ts';

/** By the HTTPRoute or GRPCRoute with the release's name. */
export const gatewayApiReach: Reach = (objects, apex) => {
  const route = named(objects, 'HTTPRoute', apex) ?? named(objects, 'GRPCRoute', apex);
  if (route === undefined) return undefined;
  return lastForAll(listIn(route, '/spec/rules').map((it) => ruleOf(it, objects)));
};

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
