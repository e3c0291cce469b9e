/** Real nodes on a real mesh over loopback: for what only a handshake decides. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type ClusterOptions, type NodeOptions, type SsoNode, startNode } from '../../sso/index.ts';
import { LogLines } from '../../sso/testing/log-lines.ts';

/** Short, so that a test takes moments. */
export const leaseMs = 1_000;

export interface MeshNode {
  readonly node: SsoNode;
  readonly log: LogLines;
}

export type MeshNodeOptions = Omit<NodeOptions, 'cluster'> & { readonly cluster?: Partial<ClusterOptions> };

/** The nodes of one test. */
export class MeshNodes {
  readonly #addresses: readonly string[];
  readonly #started: SsoNode[] = [];

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /** With so many addresses that nobody listens on. */
  static async with(count: number): Promise<MeshNodes> {
    const servers = Array.from({ length: count }, () => createServer());
    await Promise.all(servers.map((server) => new Promise<void>((up) => void server.listen(0, '127.0.0.1', up))));
    const addresses = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
    await Promise.all(servers.map((server) => new Promise<void>((down) => void server.close(() => down()))));
    return new MeshNodes(addresses);
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** The node of a place, `n1` for 0; a voter unless the options say otherwise. */
  async start(place: number, options: MeshNodeOptions): Promise<MeshNode> {
    const log = new LogLines();
    const node = await startNode({
      route: `n${place + 1}`,
      log,
      ...options,
      cluster: { listen: this.#addresses[place]!, nodes: this.#addresses, leaseMs, joinMs: 500, ...options.cluster },
    });
    this.#started.push(node);
    return { node, log };
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map((node) => node.kill()));
  }
}

/** Whom a node reaches, itself left out. */
export const reached = ({ node }: MeshNode): readonly string[] =>
  node
    .members()
    .filter(({ state, node: name }) => state === 'up' && name !== node.name)
    .map(({ node: name }) => name);

/** What a node's log says at `warn` or `error`, with its fields. */
export const complaints = ({ log }: MeshNode): string =>
  JSON.stringify(log.lines.filter(({ level }) => level === 'warn' || level === 'error'));
