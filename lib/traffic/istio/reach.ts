import { at } from '../../plan/pointer.ts';
import {
  type Destination,
  destination,
  type HeldObject,
  listIn,
  numberIn,
  type Reach,
  type Rule,
  record,
  rulesOfRoutes,
} from '../reach.ts';

/** By the VirtualServices that lead to the release: their HTTP routes, or their TCP routes where they have no others. */
export const istioReach: Reach = (objects, apex) =>
  rulesOfRoutes(objects, { kinds: ['VirtualService'], apex }, (mesh) => {
    const [http, tcp] = [listIn(mesh, '/spec/http'), listIn(mesh, '/spec/tcp')];
    return (http.length > 0 ? http : tcp).map((it) => ruleOf(it, objects));
  });

function ruleOf(rule: unknown, objects: readonly HeldObject[]): Rule {
  const copied = at(rule, '/mirror');
  const percent = numberIn(rule, '/mirrorPercentage/value', 100);
  return {
    asks: listIn(rule, '/match'),
    to: listIn(rule, '/route').map((it) =>
      place(objects, at(it, '/destination'), numberIn(it, '/weight', 100)),
    ),
    copies: copied === undefined ? [] : [place(objects, copied, percent)],
  };
}

function place(objects: readonly HeldObject[], to: unknown, weight: number): Destination {
  const service = serviceIn(at(to, '/host'));
  const subset = at(to, '/subset');
  const labels = subset === undefined ? {} : subsetLabels(objects, service, subset);
  return destination(objects, { service, weight, labels });
}

/** The Service of a host such as `shop-canary.prod.svc`. */
function serviceIn(host: unknown): string {
  const text = String(host);
  return text.split('.')[0] ?? text;
}

function subsetLabels(
  objects: readonly HeldObject[],
  service: string,
  subset: unknown,
): HeldObject {
  const all = objects
    .filter((it) => it.kind === 'DestinationRule' && serviceIn(at(it, '/spec/host')) === service)
    .flatMap((it) => listIn(it, '/spec/subsets'));
  const found = all.find((it) => at(it, '/name') === subset);
  // A subset that no rule knows selects nothing.
  return found === undefined ? { 'no such subset': subset } : record(at(found, '/labels'));
}
