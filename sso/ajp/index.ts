/** `latchkey/ajp`: re-exports only. */

export { type AjpRequest, ajpOf } from './ajp-of.ts';
export { type AjpOptions, checkAjpOptions } from './options.ts';
export { type AjpServer, ajpServer } from './server.ts';
