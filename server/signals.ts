/** How a program that runs until it is told to end is told so. */

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves with the first signal to end. A second one ends the process at once. Where `onHangUp` is given, SIGHUP means that instead. */
export function nextSignal(onHangUp?: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    for (const signal of endings) {
      if (signal === 'SIGHUP' && onHangUp !== undefined) {
        process.on(signal, onHangUp);
        continue;
      }
      process.on(signal, () => {
        if (told) process.exit(1);
        told = true;
        resolve(signal);
      });
    }
  });
}
