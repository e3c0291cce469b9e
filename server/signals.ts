/** How a program that runs until it is told to end is told so. */

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves with the first signal to end. A second one ends the process at once. */
export function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    for (const signal of endings) {
      process.on(signal, () => {
        if (told) process.exit(1);
        told = true;
        resolve(signal);
      });
    }
  });
}
