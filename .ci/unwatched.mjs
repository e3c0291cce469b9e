// For `npm test`: Node's test runner has itself told of every promise that begins and ends, to say which test a stray error
// belongs to. That is a third of the CPU of tests that await much, and the garbage collector has to look after each of them.
// With this it hears of its own tests alone, by which `describe` finds its tests. A stray error still fails the file, but
// not by the name of a test; a file that is run alone (`node --import tsx --test …`) has the name.
import { createRequire } from 'node:module';

const hooks = createRequire(import.meta.url)('node:async_hooks');
const { AsyncResource, createHook } = hooks;
let told = () => {};

class Told extends AsyncResource {
  constructor(type, options) {
    super(type, options);
    told(this.asyncId(), type, 0, this);
  }
}

// The runner takes both at its first import, and nobody else sees them.
hooks.AsyncResource = Told;
hooks.createHook = ({ init }) => {
  told = init ?? told;
  const hook = { enable: () => hook, disable: () => hook };
  return hook;
};
await import('node:test');
hooks.AsyncResource = AsyncResource;
hooks.createHook = createHook;
