/** Milliseconds on the monotonic clock of the machine: comparable between its processes. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6;
