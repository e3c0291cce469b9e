/** What LMDB says when it cannot commit: the cause is in a promise of its own. */

/** Why a transaction failed. */
export async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: PromiseLike<never> };
  try {
    await commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}
