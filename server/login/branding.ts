/**
 * The operator's colours and logo, served as files. The logo's type is told strictly; an SVG can hold
 * script, so it stands under a policy of its own that allows none, wherever it is opened (check 37).
 */

import { createHash } from 'node:crypto';
import { Router } from 'express';
import type { Logo, SiteConfig } from '../../config/site.ts';

export const coloursPath = '/colours.css';
const logoPaths = { 'image/svg+xml': '/logo.svg', 'image/png': '/logo.png' } as const;
export const logoPath = ({ type }: Logo): string => logoPaths[type];

/** A new logo or colour is seen within minutes of a new start. */
const caching = 'public, max-age=300';
const svgPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

export function branding({ logo, colours }: SiteConfig): Router {
  const router = Router();
  const serve = (path: string, type: string, bytes: Buffer, policy?: string) => {
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    router.get(path, (_req, res) => {
      if (policy !== undefined) res.setHeader('Content-Security-Policy', policy);
      res.setHeader('Content-Type', type);
      res.setHeader('Cache-Control', caching);
      res.setHeader('ETag', etag);
      res.send(bytes);
    });
  };
  if (colours !== undefined) serve(coloursPath, 'text/css; charset=utf-8', Buffer.from(styles(colours)));
  if (logo !== undefined) serve(logoPath(logo), logo.type, logo.bytes, svgPolicy);
  return router;
}

/** Both were checked at start: what can be read on a light page has white on it, what can be read on a dark one has ink. */
function styles({ light, dark }: NonNullable<SiteConfig['colours']>): string {
  return `:root { --accent: ${light}; --on-accent: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --accent: ${dark}; --on-accent: #10151f; } }
`;
}
