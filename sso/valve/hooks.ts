/** What an operator has hooked into sign-ons, run. A hook that fails must not undo a sign-on, nor hinder a logout: it is logged. */

import type { Request, Response } from 'express';
import { areHeadersGone } from '../http/stand-in.ts';
import type { Principal } from '../principal.ts';
import type { SignOnHook, ValveParts } from './settings.ts';

export type HookParts = Pick<ValveParts, 'settings' | 'log' | 'route' | 'accepting' | 'takesNew'>;

/** Somebody signed on: one hook after the other. Never rejects. */
export async function hookSignOn(parts: HookParts, req: Request, res: Response, principal: Principal): Promise<void> {
  for (const hook of parts.settings.onSignOn) await run(parts, () => hook.signOn(req, res, principal, parts));
}

/** The request is one of a sign-on that was there before: gives the browser again what it has no more, at a node that takes new ones. */
export function hookComeBack(parts: HookParts, req: Request, res: Response): void {
  const { settings, accepting, takesNew = accepting } = parts;
  if (settings.onSignOn.length === 0 || areHeadersGone(res) || !takesNew()) return;
  for (const hook of settings.onSignOn) {
    try {
      hook.comeBack?.(req, res, parts);
    } catch (error) {
      failed(parts, error);
    }
  }
}

/** A sign-on has ended in this request: takes away what was given with it. Nothing is waited for. */
export function hookSignOff(parts: HookParts, req: Request, res: Response): void {
  for (const hook of parts.settings.onSignOn) void run(parts, () => hook.signOff?.(req, res, parts));
}

async function run(parts: HookParts, hook: () => ReturnType<SignOnHook['signOn']>): Promise<void> {
  try {
    await hook();
  } catch (error) {
    failed(parts, error);
  }
}

function failed({ log }: HookParts, error: unknown): void {
  log.error({ err: error }, 'a sign-on hook failed');
}
