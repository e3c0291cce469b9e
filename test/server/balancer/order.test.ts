import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BalancedNode } from '../../../server/balancer/installation.ts';
import { domainOf, escaped, longestFirst, successors } from '../../../server/balancer/order.ts';

const node = (route: string): BalancedNode => ({
  ...{ route, host: '10.0.0.1', port: 8080, ajp: undefined, weight: 1, isGuess: false },
});
const routes = (nodes: readonly BalancedNode[]) => nodes.map(({ route }) => route);

test('V114: those of the domain take over first, then the others from the next one on', () => {
  const nodes = ['east.a', 'west.a', 'east.b', 'west.b', 'alone'].map(node);
  assert.deepEqual(routes(successors(nodes[0]!, nodes)), ['east.b', 'west.a', 'west.b', 'alone']);
  assert.deepEqual(routes(successors(nodes[3]!, nodes)), ['west.a', 'alone', 'east.a', 'east.b']);
  assert.deepEqual(routes(successors(nodes[4]!, nodes)), ['east.a', 'west.a', 'east.b', 'west.b']);
});

test('nodes without a domain are in none together, and each has another first successor', () => {
  const nodes = ['a', 'b', 'c'].map(node);
  assert.equal(domainOf('a'), undefined);
  assert.deepEqual(
    nodes.map((one) => routes(successors(one, nodes))),
    [
      ['b', 'c'],
      ['c', 'a'],
      ['a', 'b'],
    ],
  );
});

test('a route that is the end of another one comes after it', () => {
  assert.deepEqual(routes(longestFirst(['b', 'a.b', 'x.a.b'].map(node))), ['x.a.b', 'a.b', 'b']);
});

test('what means something in a regular expression is escaped', () => {
  assert.match('a.b+(c)/d', new RegExp(`^${escaped('a.b+(c)/d')}$`));
  assert.doesNotMatch('aXb+(c)/d', new RegExp(`^${escaped('a.b+(c)/d')}$`));
});
