/**
 * Killing a node or all of them, and starting one again, from their own pages: for the demonstration alone, from this
 * machine alone. A node dies as in a crash: at once, by SIGKILL, telling nobody.
 */

import { isIP } from 'node:net';
import type { Request, Response } from 'express';
import { field, ownFormsOnly, readForm } from '../forms.ts';
import { html } from '../html.ts';
import { leaveNote } from './notes.ts';
import type { Site } from './site.ts';

/** What a node can do about the processes of the demonstration; the starter does it. */
export interface NodeControl {
  isRunning(name: string): boolean;
  restart(name: string): void;
  /** This node is about to kill itself. */
  dying(): void;
  /** Kills every node, this one too, and starts them again. */
  powerCut(): void;
}

export function controls({ app, parts, face, send }: Site): void {
  const { self, nodes, control } = parts;

  app.post('/demo/kill', readForm, ownFormsOnly, (req, res, next) => {
    if (!isLocal(req)) return next();
    const survivor = nodes.find(({ name }) => name !== self.name && control.isRunning(name));
    control.dying();
    res.on('close', () => process.kill(process.pid, 'SIGKILL'));
    res.setHeader('Connection', 'close');
    leaveNote(res, 'killed', self.name);
    go(req, res, `http://${face.host}:${survivor?.port ?? self.port}/`, { killed: self.name });
  });

  app.post('/demo/start', readForm, ownFormsOnly, (req, res, next) => {
    const name = field(req, 'node');
    if (!isLocal(req) || !nodes.some((node) => node.name === name) || name === undefined) return next();
    control.restart(name);
    leaveNote(res, 'started', name);
    go(req, res, '/', { started: name });
  });

  app.post('/demo/power-cut', readForm, ownFormsOnly, (req, res, next) => {
    if (!isLocal(req)) return next();
    res.on('close', () => control.powerCut());
    res.setHeader('Connection', 'close');
    if (req.accepts(['json', 'html']) !== 'html') return void res.json({ killed: nodes.map(({ name }) => name) });
    send(req, res, 'All nodes were killed', powerCutWords);
  });
}

/** What is shown while no node runs that could answer. */
const powerCutWords = html`<h1>All nodes were killed</h1>
<p class="note warn" role="status"><strong>Nobody can answer at this moment</strong>Each node starts again from its data directory, compares with the others, and goes on: you stay signed on, and who signed out stays out. What a session changed in its last moments may be lost: sessions are written behind, ends never are.</p>
<p class="card" id="absent"><a href="/">Go on</a> <span class="quiet">With script this page does so by itself, as soon as this node answers again.</span></p>`;

/** A person goes on to a page, a program is told. */
function go(req: Request, res: Response, address: string, told: object): void {
  if (req.accepts(['json', 'html']) === 'html') res.redirect(303, address);
  else res.json(told);
}

function isLocal(req: Request): boolean {
  const address = req.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  return isIP(address) !== 0 && (address.startsWith('127.') || address === '::1');
}
