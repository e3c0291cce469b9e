/** What all pages share, served as files from memory: the style sheet, the icon, and the one script. */

import { readFileSync } from 'node:fs';
import { Router } from 'express';

export const stylePath = '/style.css';
export const iconPath = '/icon.svg';
export const scriptPath = '/follow.js';

const files = [
  { path: stylePath, type: 'text/css; charset=utf-8', name: 'style.css' },
  { path: iconPath, type: 'image/svg+xml', name: 'icon.svg' },
  { path: scriptPath, type: 'text/javascript; charset=utf-8', name: 'follow.js' },
] as const;

export function assets(): Router {
  const router = Router();
  for (const { path, type, name } of files) {
    const bytes = readFileSync(new URL(`./assets/${name}`, import.meta.url));
    router.get(path, (_req, res) => {
      res.setHeader('Content-Type', type);
      res.setHeader('Cache-Control', 'public, max-age=3600');
      res.send(bytes);
    });
  }
  return router;
}
